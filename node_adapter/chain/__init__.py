"""The only place that speaks to a chain node, and it speaks plain JSON-RPC."""
