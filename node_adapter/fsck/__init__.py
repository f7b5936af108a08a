"""A node's store gone over from end to end: records, the tree of anchors, the map (ADR 86)."""
