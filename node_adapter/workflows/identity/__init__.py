"""Identity: DIDs, the keys in force, credentials and proofs, the broker's staff, and who may call."""
