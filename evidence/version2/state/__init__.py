"""From one trusted block to what the contracts' storage says at it (docs/spec/evidence-2.md, section 9)."""
