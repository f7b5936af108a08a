"""That a report or a bundle of a client's history was given out (docs/spec/report.md, section 7)."""

from __future__ import annotations

ISSUE = "REPORT_ISSUE"
BUNDLE, CONTENT, PAGE, PDF = DOCUMENTS = ("bundle", "content", "page", "pdf")
"""What is given out: the bundle, the report as data, as a page, and as a file of PDF."""
FULL, CLIENT = FORMS = ("full", "client")
"""Whole, or as the client gets it."""
