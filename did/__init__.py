"""Decentralised identifiers and verifiable credentials. Pure: what the chain said comes in as values."""
