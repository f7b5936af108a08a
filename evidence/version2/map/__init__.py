"""The append-only map from label to entry: its root under every anchor, proofs of it and of its growth. Pure."""
