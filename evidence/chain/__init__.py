"""What a chain proves: header rules, proof kinds, and the events of our contracts. Pure."""
