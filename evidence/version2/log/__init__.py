"""The log in two levels, and what other members sign about it (docs/spec/evidence-2.md, sections 5, 8, 14 and 15)."""
