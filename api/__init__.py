"""HTTP only: authentication, parsing, calling a workflow, rendering."""
