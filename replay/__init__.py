"""Verified records executed again: one reading of them for the broker's node and for the offline verifier."""
