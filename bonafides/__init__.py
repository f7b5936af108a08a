"""The command and the Python client: the one import name promised to others."""
