"""Consent: what clients grant and withdraw, and whether it holds now."""
