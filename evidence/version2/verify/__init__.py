"""Verification of what format 2 hands on: bytes in, named checks out. Pure."""
