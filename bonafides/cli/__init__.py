"""The command `bonafides`."""
