"""The use cases of a node, one file each."""
