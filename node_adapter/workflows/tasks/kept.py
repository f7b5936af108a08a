"""What a task's row keeps as JSON, as values: the result, and how a task ended without one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from node_adapter.store.tasks import TaskRow
from primitives.json_value import JsonObject


@dataclass(frozen=True)
class KeptResult:
    """A checked result. It is used once every owner has posted the same digest."""

    document: JsonObject
    digest: bytes
    salt: bytes = field(repr=False)

    @classmethod
    def of(cls, row: TaskRow) -> KeptResult | None:
        """Return the result of a task that has one."""
        if row.result is None:
            return None
        kept = json.loads(row.result)
        return cls(kept["document"], bytes.fromhex(kept["digest"]), bytes.fromhex(kept["salt"]))

    def to_text(self) -> str:
        """Return what the row keeps."""
        return json.dumps({"document": self.document, "digest": self.digest.hex(), "salt": self.salt.hex()})


@dataclass(frozen=True)
class Refusal:
    """Why a task ended without a result: the code, words for a person, and the owner at fault where one is known."""

    code: str
    detail: str
    sender: str | None

    @classmethod
    def of(cls, row: TaskRow) -> Refusal | None:
        """Return why a task that has ended, or is about to, has no result."""
        return None if row.error is None else cls(**json.loads(row.error))

    def to_text(self) -> str:
        """Return what the row keeps."""
        return json.dumps(vars(self))
