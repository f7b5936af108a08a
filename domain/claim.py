"""What a client may claim, and which records of a complete history speak against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.fact import Fact
from domain.words import Words


@dataclass(frozen=True)
class History:
    """The facts of one history that could be read, each with its place."""

    facts: Sequence[tuple[int, Fact]]

    def places(self, *types: str, where: Callable[[Fact], bool] = lambda _: True) -> tuple[int, ...]:
        """Return the places of the facts of these types for which something holds."""
        return tuple(seq for seq, fact in self.facts if fact.type in types and where(fact))


@dataclass(frozen=True)
class Claim:
    """One claim. What proves it, its codes say (`Code.proves`).

    Attributes:
        name: its code.
        words: what a report calls it.
        refuted_by: the places in a complete history that show the opposite; none where the history is silent.
    """

    name: str
    words: Words
    refuted_by: Callable[[History], tuple[int, ...]]
