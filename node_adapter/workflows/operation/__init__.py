"""Operation: how a node stands, whether it can work, and what brings it back."""
