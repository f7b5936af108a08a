"""What a child process says, read from a pipe into a log that is bounded and for its owner's eyes alone.

The parent writes, so that a log can be turned over without the child's help; several children may share one log.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
KEPT_FILES = 4  # beside the one that is written
LAST_LINES = 20
_READ_BYTES = 64 * 1024
_LINE_BYTES = 8 * 1024


class _PrivateHandler(RotatingFileHandler):
    """A rotating file of mode 0600, also where it existed with another mode."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.fchmod(descriptor, 0o600)
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose a line rather than the node: the disk may be full."""
        del record


class ChildLog:
    """The log of one or more children."""

    def __init__(self, file: Path) -> None:
        """Open the log; its directory exists."""
        self.file = file
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._handler = _PrivateHandler(
            str(file), maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8", errors="backslashreplace"
        )

    def write(self, line: str) -> None:
        """Write a line of a child's."""
        self._last.append(line)
        self.note(line)

    def note(self, line: str) -> None:
        """Write a line of our own about a child."""
        self._handler.emit(logging.LogRecord("child", logging.INFO, "", 0, line, None, None))

    @property
    def last_words(self) -> str:
        """The last line that says something."""
        return next((line[:300] for line in reversed(self._last) if line.strip()), "it said nothing")

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class Voice:
    """The reading end of the pipe that one child writes to."""

    def __init__(self, log: ChildLog) -> None:
        """Make the pipe; `writing` is for the child and closed by `started`."""
        self.log = log
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self._rest = b""

    def started(self) -> None:
        """Let go of the child's end, so that its end is seen."""
        os.close(self.writing)

    def listen(self) -> bool:
        """Write to the log what the child has said; return False once it can say no more."""
        while True:
            try:
                data = os.read(self.reading, _READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                self._say(self._rest)
                self._rest = b""
                return False
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._say(line)
            while len(self._rest) > _LINE_BYTES:
                self._say(self._rest[:_LINE_BYTES])
                self._rest = self._rest[_LINE_BYTES:]

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.reading)

    def _say(self, line: bytes) -> None:
        if line:
            self.log.write(line.decode("utf-8", "backslashreplace"))
