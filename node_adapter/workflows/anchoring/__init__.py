"""Anchoring: from stored records to an anchor on the chain, and what proves it: promises and receipts."""
