"""A report as a document in one language (`document`), and its two renderings: `html` and `pdf`."""
