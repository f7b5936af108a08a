"""The documents of format 2 that are handed on."""
