"""Documents by which a member convicts itself: taken, recorded on the chain, fetched from others, and shown."""
