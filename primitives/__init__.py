"""Canonical bytes, digests, keys, the curve, commitments and proofs. Pure: no I/O, no clock, no hidden entropy."""
