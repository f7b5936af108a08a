"""Replay: a client's history with its proofs, who looked at it, and what others need to check it."""
