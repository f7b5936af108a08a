"""A member's log: the Merkle tree, its checkpoint, and whom the log names as the broker's staff. Pure."""
