"""Erasing records: two of the compliance staff sign an ERASE, and once it is anchored what it names is deleted."""
