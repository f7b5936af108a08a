"""The log of format 1 that a node goes on with: its migration, and what is still shown of it."""
