"""The tables of the map from label to entry, and what is kept of them in memory (ADR 58)."""
