"""Evidence in format 2 (docs/spec/evidence-2.md)."""
