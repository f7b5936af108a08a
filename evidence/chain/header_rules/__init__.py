"""The header rules, one file each, which offers a `HeaderRule` as RULE (`evidence.chain.engine`)."""
