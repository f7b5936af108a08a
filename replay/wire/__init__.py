"""What comes in before it is a record: the wire forms that node, wallet and the description of routes read."""
