"""A node's own database: SQLAlchemy Core, one gateway module per subject."""
