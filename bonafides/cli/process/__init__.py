"""The parent of a node's processes: it starts them, watches them and writes what they say."""
