"""A member's keys: the sealed keystore, its generations, and the chain account's file."""
