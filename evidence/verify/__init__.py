"""Verification: bytes and a trust file in, named checks out. Pure."""
