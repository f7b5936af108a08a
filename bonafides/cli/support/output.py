"""What the command reads and writes: JSON documents, NDJSON lines, and errors as one line.

JSON is UTF-8, in and out, whatever the locale. Words for a person go out in the terminal's encoding; a character that
it lacks is written as an escape, so that nothing which was stored fails to be told. This module is the only one of the
command that touches the standard streams.
"""

from __future__ import annotations

import json
import sys
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast
from unicodedata import category

import click

from primitives.canonical import MAX_DOCUMENT_BYTES, parse_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, VerificationFailed
from primitives.packed import MAGIC, unpack
from primitives.problem_types import error_of_problem
from primitives.text import printable

MIB = 1024 * 1024
MAX_LINE_BYTES = 8 * MIB
CHUNK_LINES = 200
PROGRESS_LINES = 1000


def error_object(error: BonafidesError) -> dict[str, Any]:
    """Return an error as an object, with field and rule where it names them."""
    result: dict[str, Any] = {"code": error.code, "detail": error.detail}
    if isinstance(error, InvalidInput):
        result |= {"field": error.field, "rule": error.rule}
    return result


def error_line(error: BonafidesError) -> str:
    """Return an error as one line: code, field and rule (where it names them), detail."""
    place = f" {error.field} {error.rule}" if isinstance(error, InvalidInput) else ""
    return printable(" ".join(f"error: {error.code}{place} {error.detail}".split()))


def exit_status(error: BonafidesError) -> int:
    """Return 1 for what was checked and is false, 2 for everything else."""
    return 1 if isinstance(error, VerificationFailed) else 2


def json_bytes(value: object, indent: int | None = None) -> bytes:
    """Return a value as UTF-8 JSON that a terminal shows as it is.

    What a stranger wrote must not move the cursor or turn the order of words: control characters, format characters
    such as those of direction, and lone surrogates are written as the escapes that JSON has for them.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    if not text.isprintable():
        text = "".join(c if c == "\n" or c.isprintable() or category(c) == "Zs" else _json_escape(c) for c in text)
    return text.encode("utf-8")


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def write_json(value: object) -> None:
    """Write one document for a person's eyes and a program's parser."""
    click.echo(json_bytes(value, indent=2))


def write_line(value: object) -> None:
    """Write one NDJSON line."""
    click.echo(json_bytes(value))


def say(text: str) -> None:
    """Write one line for a person to standard output."""
    click.echo(_encodable(printable(text), sys.stdout))


def tell(text: str = "", *, end: str = "\n") -> None:
    """Write one line for a person to standard error: an error, a warning, progress."""
    click.echo(_encodable(printable(text) + end, sys.stderr), nl=False, err=True)


def tell_error(error: BonafidesError, *, as_json: bool = False) -> None:
    """Write an error to standard error, as one line or as one JSON object."""
    if as_json:
        click.echo(json_bytes(error_object(error)), err=True)
    else:
        tell(error_line(error))


def hang_up() -> None:
    """Say no more where nothing can be written: the reader has gone, or the disk is full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                stream.close()  # or the interpreter would try again at its end, and complain


def flush() -> None:
    """Hand on what was written, before another program takes the process over."""
    sys.stdout.flush()


def read_answer() -> str:
    """Read a person's answer from standard input; what is no UTF-8 is no agreement."""
    return sys.stdin.buffer.readline().decode("utf-8", "replace")


def survive_any_terminal() -> None:
    """Let the streams write an escape for each character that the terminal's encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _encodable(text: str, stream: IO[str]) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def read_document(file: Path, field: str) -> Any:
    """Read one JSON file, packed or not.

    Raises:
        CouldNotCheck: `file-unreadable`.
        InvalidInput: it is no JSON.
    """
    return parse_json(unpack(read_file(file), field, MAX_DOCUMENT_BYTES).removeprefix(BOM_UTF8), field=field)


def read_file(file: Path) -> bytes:
    """Read a file.

    Raises:
        CouldNotCheck: `file-unreadable`.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise CouldNotCheck("file-unreadable", f"{file}: {error.strerror}") from error


def read_limited(file: Path, limit: int, field: str, hint: str = "") -> bytes:
    """Read a document that a stranger may have made, packed or not, one byte further than allowed at most.

    Raises:
        CouldNotCheck: `file-unreadable`.
        InvalidInput: it is too long, or packed and no whole gzip stream.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise CouldNotCheck("file-unreadable", f"{file}: {error.strerror}") from error
    if len(data) > limit:
        raise InvalidInput(field, "max-bytes", f"is longer than {limit // MIB} MiB{hint}")
    return unpack(data, field, limit, hint)


def make_directory(directory: Path) -> Path:
    """Make a directory where there is none, and return it.

    Raises:
        CouldNotCheck: `file-unwritable`.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CouldNotCheck("file-unwritable", f"{directory}: {error.strerror}") from error
    return directory


def write_file(file: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one is for its owner's eyes only.

    Raises:
        CouldNotCheck: `file-unwritable`.
    """
    temporary = file.with_name(f".{file.name}.new")
    try:
        temporary.unlink(missing_ok=True)
        temporary.touch(mode=0o600 if private else 0o666)
        temporary.write_bytes(data)
        temporary.replace(file)
    except OSError as error:
        raise CouldNotCheck("file-unwritable", f"{file}: {error.strerror}") from error


def read_rows(file: Path | None) -> Iterator[dict[str, Any] | InvalidInput]:
    """Give each line of a file, or of standard input, packed or not, as an object; a malformed one as its error."""
    try:
        opened = sys.stdin.buffer if file is None else file.open("rb")
    except OSError as error:
        raise CouldNotCheck("file-unreadable", f"{file}: {error.strerror}") from error
    with opened:
        stream = _unpacking(opened) if isinstance(opened, BufferedReader) else opened
        number = 0
        while line := _next_line(stream, number + 1):
            number += 1
            if number == 1:
                line = _without_mark(line)
            if len(line) > MAX_LINE_BYTES:
                raise InvalidInput(f"line {number}", "max-bytes", f"is longer than {MAX_LINE_BYTES} bytes")
            if line.strip():
                yield _row(line, f"line {number}")


def _unpacking(stream: BufferedReader) -> IO[bytes]:
    """Return a stream of lines as it was before it was packed; a line of it is bounded as any is."""
    return cast("IO[bytes]", GzipFile(fileobj=stream)) if stream.peek(len(MAGIC)).startswith(MAGIC) else stream


def _next_line(stream: IO[bytes], number: int) -> bytes:
    try:
        return stream.readline(MAX_LINE_BYTES + 1)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidInput(f"line {number}", "gzip", f"is of no whole gzip stream: {error}") from error


def _without_mark(line: bytes) -> bytes:
    """Take off the byte order mark that editors of Windows write before UTF-8."""
    if line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise InvalidInput("line 1", "utf-8", "the file is UTF-16, as PowerShell writes it; save it as UTF-8")
    return line.removeprefix(BOM_UTF8)


def _row(line: bytes, field: str) -> dict[str, Any] | InvalidInput:
    try:
        value = parse_json(line, field=field, max_bytes=MAX_LINE_BYTES)
    except InvalidInput as error:
        return error
    return value if isinstance(value, dict) else InvalidInput(field, "object", "must be a JSON object")


def refusal_in(row: Mapping[str, Any]) -> InvalidInput | None:
    """Return the error of a line that is itself the answer to a refused one, as another command printed it."""
    if row.get("status") not in ("refused", "failed") or not isinstance(row.get("problem"), dict):
        return None
    code = printable(str(row["problem"].get("code", "")))
    return InvalidInput("line", "shape", f"is the answer to a line that was {row['status']} before ({code})")


class Answers:
    """Writes the answer of each line, remembers the worst, and tells now and then how far it is."""

    def __init__(self) -> None:
        """Start with nothing refused."""
        self.status = 0
        self._count = self._refused = 0

    def good(self, value: object) -> None:
        """Write an answer."""
        write_line(value)
        self._tick(refused=False)

    def refused(self, error: BonafidesError) -> None:
        """Write a refused line, and the error on standard error."""
        write_line({"status": "refused", "problem": error_object(error)})
        tell_error(error)
        self.status = max(self.status, exit_status(error))
        self._tick(refused=True)

    def from_node(self, answer: Mapping[str, Any]) -> None:
        """Write a node's answer; one that is refused or failed goes to standard error, too."""
        write_line(answer)
        problem = answer.get("problem")
        self._tick(refused=answer.get("status") in ("refused", "failed"))
        if answer.get("status") in ("refused", "failed") and isinstance(problem, dict):
            error = error_of_problem(problem)
            tell_error(error)
            self.status = max(self.status, exit_status(error))

    def _tick(self, *, refused: bool) -> None:
        self._count += 1
        self._refused += refused
        if self._count % PROGRESS_LINES == 0:
            tell(f"progress: {self._count} lines answered, {self._refused} of them refused")


def each_row(
    file: Path | None,
    handle: Callable[[dict[str, Any]], Any],
    transaction: Callable[[], Any],
) -> int:
    """Handle every line in its order, in transactions of `CHUNK_LINES`; what is written was stored before.

    A line at fault is answered as refused and leaves the others alone; a store that fails ends the command.
    Returns the exit status.
    """
    answers = Answers()
    for chunk in chunks(read_rows(file)):
        outcomes: list[Any] = []
        with transaction():
            for row in chunk:
                outcomes.append(row if isinstance(row, InvalidInput) else _outcome(handle, row, transaction))
        for outcome in outcomes:
            if isinstance(outcome, BonafidesError):
                answers.refused(outcome)
            else:
                answers.good(outcome)
    return answers.status


def chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Give the rows in lists of at most `CHUNK_LINES`."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK_LINES)):
        yield chunk


def _outcome(handle: Callable[[dict[str, Any]], object], row: dict[str, Any], transaction: Callable[[], Any]) -> object:
    try:
        with transaction():  # what a refused line has written before it was refused is undone with it
            return handle(row)
    except CouldNotCheck:
        raise
    except InvalidInput as error:
        return refusal_in(row) or error
    except BonafidesError as error:
        return error
