"""A strict reader of the Survey of Consumer Finances: the public extract as it is published, or our cut of it.

Both are gzipped UTF-8 CSV, with or without a byte-order mark. The extract holds five implicates (imputed copies) of
each household; we keep the first. Only the columns that the demo uses are read, and in those every value must be a
number within bounds: a demo that silently filled a hole would prove nothing.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from primitives.errors import InvalidInput

MAX_COMPRESSED_BYTES = 64 * 1024 * 1024
MAX_PLAIN_BYTES = 256 * 1024 * 1024
_CHUNK = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_VALUE_CHARACTERS = 40


@dataclass(frozen=True)
class Column:
    """The values that a column may hold, both bounds included."""

    low: int
    high: int
    whole: bool


_MONEY = Column(0, 10**12, whole=False)
_SIGNED_MONEY = Column(-(10**12), 10**12, whole=False)
_FLAG = Column(0, 1, whole=True)

COLUMNS: Mapping[str, Column] = {
    "YY1": Column(1, 10**7, whole=True),
    "Y1": Column(11, 10**8, whole=True),
    "AGE": Column(17, 120, whole=True),
    "EDUC": Column(-1, 15, whole=True),
    "KIDS": Column(0, 30, whole=True),
    "OCCAT1": Column(1, 4, whole=True),
    "OCCAT2": Column(1, 4, whole=True),
    "KNOWL": Column(-1, 10, whole=True),
    "FINLIT": Column(0, 3, whole=True),
    "YESFINRISK": _FLAG,
    "NOFINRISK": _FLAG,
    "WSAVED": Column(1, 3, whole=True),
    **{f"SAVRES{number}": _FLAG for number in range(1, 10)},
    "NTRAD": Column(0, 100_000, whole=True),
    "NSTOCKS": Column(0, 100_000, whole=True),
    "INCOME": _SIGNED_MONEY,
    "WAGEINC": _SIGNED_MONEY,
    "BUSSEFARMINC": _SIGNED_MONEY,
    "INTDIVINC": _SIGNED_MONEY,
    "KGINC": _SIGNED_MONEY,
    "SSRETINC": _SIGNED_MONEY,
    "TRANSFOTHINC": _SIGNED_MONEY,
    **dict.fromkeys(("LIQ", "CDS", "SAVBND"), _MONEY),
    **dict.fromkeys(("BOND", "TFBMUTF", "GBMUTF", "OBMUTF"), _MONEY),
    **dict.fromkeys(("COMUTF", "OTHMA", "STMUTF", "STOCKS", "OMUTF", "OTHFIN", "EQUITY"), _MONEY),
    "RETQLIQ": Column(-1, 10**12, whole=False),  # the published extract holds a -1; it counts as nothing
    **dict.fromkeys(("ASSET", "DEBT", "MRTHEL", "RESDBT", "CCBAL", "INSTALL", "OTHLOC", "ODEBT"), _MONEY),
}
"""Every column that the demo uses. The published extract has some 300 more, which may hold anything."""

Row = Mapping[str, Decimal]


def read_households(data: bytes) -> list[Row]:
    """Return the first implicate of every household, in the order of the file.

    Raises:
        InvalidInput: rule `gzip`, `max-bytes`, `utf-8`, `csv`, `empty`, `header`, `missing-column`, `columns`, `blank`,
            `number`, `finite`, `range`, `whole`, `implicate` or `unique`. The field names the row and column; the
            header is row 1.
    """
    return [row for _, row in _kept(data)]


def cut(data: bytes) -> bytes:
    """Return our cut: the first implicate, only the columns used, as deterministic gzip (no name, time 0)."""
    lines = [",".join(COLUMNS)]
    lines += [",".join(values) for values, _ in _kept(data)]
    plain = ("\n".join(lines) + "\n").encode("ascii")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(plain) + packer.flush()
    header = _GZIP_MAGIC + b"\x08\x00" + bytes(4) + b"\x02\xff"  # RFC 1952: no flags, no time, slowest, unknown system
    return header + body + zlib.crc32(plain).to_bytes(4, "little") + len(plain).to_bytes(4, "little")


def _kept(data: bytes) -> Iterator[tuple[list[str], Row]]:
    seen: set[Decimal] = set()
    rows = 0
    for number, texts in _rows(_decode(_unpack(data))):
        rows += 1
        row = {name: _value(texts[name], column, f"survey.row[{number}].{name}") for name, column in COLUMNS.items()}
        implicate = row["Y1"] - 10 * row["YY1"]
        if not 1 <= implicate <= 5:
            raise InvalidInput(f"survey.row[{number}].Y1", "implicate", "must be ten times YY1 plus 1 to 5")
        if implicate != 1:
            continue
        if row["YY1"] in seen:
            raise InvalidInput(f"survey.row[{number}].YY1", "unique", "occurs twice")
        seen.add(row["YY1"])
        yield [texts[name] for name in COLUMNS], row
    if not rows:
        raise InvalidInput("survey", "empty", "holds no household")
    if not seen:
        raise InvalidInput("survey", "implicate", "holds no first implicate of any household")


def _unpack(data: bytes) -> bytes:
    if not data:
        raise InvalidInput("survey", "empty", "the file is empty")
    if len(data) > MAX_COMPRESSED_BYTES:
        raise InvalidInput("survey", "max-bytes", f"is larger than {MAX_COMPRESSED_BYTES} bytes")
    if not data.startswith(_GZIP_MAGIC):
        raise InvalidInput("survey", "gzip", "is not a gzip file")
    plain = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as source:
            while chunk := source.read(_CHUNK):
                plain += chunk
                if len(plain) > MAX_PLAIN_BYTES:
                    raise InvalidInput("survey", "max-bytes", f"unpacks to more than {MAX_PLAIN_BYTES} bytes")
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput("survey", "gzip", f"cannot be unpacked: {error}") from error
    return bytes(plain)


def _decode(plain: bytes) -> str:
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("survey", "utf-8", f"is not UTF-8 at byte {error.start}") from error


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    if not text.strip():
        raise InvalidInput("survey", "empty", "the file holds nothing")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader)
        places = _places(header)
        for number, values in enumerate(reader, 2):
            if len(values) != len(header):
                detail = f"has {len(values)} columns, the header {len(header)}"
                raise InvalidInput(f"survey.row[{number}]", "columns", detail)
            yield number, {name: values[place] for name, place in places.items()}
    except csv.Error as error:
        raise InvalidInput("survey", "csv", f"line {reader.line_num}: {error}") from error


def _places(header: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for name in COLUMNS:
        found = [place for place, title in enumerate(header) if title == name]
        if not found:
            raise InvalidInput(f"survey.{name}", "missing-column", "the header does not name this column")
        if len(found) > 1:
            raise InvalidInput(f"survey.{name}", "header", "the header names this column twice")
        places[name] = found[0]
    return places


def _value(text: str, column: Column, field: str) -> Decimal:
    if not text.strip():
        raise InvalidInput(field, "blank", "is blank")
    if len(text) > _MAX_VALUE_CHARACTERS:
        raise InvalidInput(field, "number", "is too long for a number")
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(field, "number", "is not a number") from error
    if not value.is_finite():
        raise InvalidInput(field, "finite", "is not a finite number")
    if not column.low <= value <= column.high:
        raise InvalidInput(field, "range", f"must lie between {column.low} and {column.high}")
    if column.whole and value != value.to_integral_value():
        raise InvalidInput(field, "whole", "must be a whole number")
    return value
