"""The proof kinds, one file each, which offers a `ProofKind` as KIND (`evidence.chain.engine`)."""
