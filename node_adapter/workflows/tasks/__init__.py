"""Joint tasks: from proposal and approval to a shown result."""
