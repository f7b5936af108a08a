"""Intake: from a question or a fact at the door to a stored record."""
