"""The client's wallet: keys, signed acts, receipts, consents and proofs, in a directory that no broker reads."""
