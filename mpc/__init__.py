"""Joint statistics that no member computes alone: task specifications, release policy and engines of computation."""
