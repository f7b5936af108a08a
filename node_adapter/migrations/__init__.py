"""Alembic's scripts for a node's database; they travel in the wheel."""
