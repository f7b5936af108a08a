"""What SQLite and PostgreSQL spell differently, in one place: SQLAlchemy writes each in the words of its engine."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Index, Integer, LargeBinary, String, Table, TextClause
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal

POSTGRESQL = "postgresql"

WHOLE = BigInteger().with_variant(Integer, "sqlite")
"""A number of up to 64 bits: SQLite's INTEGER has them, and is the place of the row where it is the key."""


def insert_into(table: Table, dialect: Dialect) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that can say what happens where a key is taken."""
    return postgresql.insert(table) if dialect.name == POSTGRESQL else sqlite.insert(table)


def some_rows(where: TextClause | ColumnElement[bool]) -> dict[str, Any]:
    """Return the words by which an index is one of those rows alone of which `where` holds."""
    return {"sqlite_where": where, "postgresql_where": where}


def index_of_some(
    name: str,
    *columns: str | ColumnElement[Any],
    where: TextClause | ColumnElement[bool],
    unique: bool = False,
    equality: bool = False,
) -> Index:
    """Return an index of those rows of which `where` holds; a query uses it that says the same in the same words.

    Args:
        name: the index's.
        columns: names, or expressions.
        where: of which rows.
        unique: whether no two may be alike.
        equality: values of any length are looked for by equality alone: PostgreSQL's other kind holds 2,704 bytes.
    """
    using = "hash" if equality else None
    return Index(name, *columns, unique=unique, postgresql_using=using, **some_rows(where))


class JsonMember(ColumnElement[str]):
    """A text member of the JSON object that a column holds."""

    type = String()
    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy reads it of the class
        ("column", InternalTraversal.dp_clauseelement),
        ("member", InternalTraversal.dp_string),
    ]

    def __init__(self, column: ColumnElement[str], member: str) -> None:
        """Name the member of a column's object; the name stands in the statement as it is."""
        self.column = column
        self.member = member


class GreatestBytes(FunctionElement[bytes]):
    """The greatest of a column's byte strings: PostgreSQL has no max() of them before version 18."""

    type = LargeBinary()
    name = "greatest_bytes"
    inherit_cache = True


@compiles(JsonMember)
def _json_member(element: JsonMember, compiler: SQLCompiler, **options: object) -> str:
    return f"json_extract({compiler.process(element.column, **options)}, '$.{element.member}')"


@compiles(JsonMember, POSTGRESQL)
def _json_member_of_postgresql(element: JsonMember, compiler: SQLCompiler, **options: object) -> str:
    return f"(CAST({compiler.process(element.column, **options)} AS jsonb) ->> '{element.member}')"


@compiles(GreatestBytes)
def _greatest_bytes(element: GreatestBytes, compiler: SQLCompiler, **options: object) -> str:
    return f"max({compiler.process(element.clauses, **options)})"


@compiles(GreatestBytes, POSTGRESQL)
def _greatest_bytes_of_postgresql(element: GreatestBytes, compiler: SQLCompiler, **options: object) -> str:
    return f"decode(max(encode({compiler.process(element.clauses, **options)}, 'hex')), 'hex')"
