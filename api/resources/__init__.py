"""The HTTP interface by resource: each file is one blueprint that parses, calls a workflow and renders."""
