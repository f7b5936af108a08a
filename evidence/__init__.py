"""Salted records, the log, the subject map, checkpoints, promises, receipts and bundles. Pure."""
