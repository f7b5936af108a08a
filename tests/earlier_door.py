"""What only a database of an earlier version holds: ratings that this version's door refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from node_adapter.workflows.intake.house import Houses


@contextmanager
def rated_as_earlier(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take ratings of a product under any pseudonym, as versions before the derived ones did."""
    with monkeypatch.context() as patch:
        patch.setattr(Houses, "require_place", lambda *_: None)
        yield
