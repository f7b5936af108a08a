"""Running named checks in their order, and what is known once one failed.

A check that needs what a failed one would have established fails too and says so: a report without a verdict on every
name would be no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from evidence.verify.verdict import Check
from primitives.errors import CouldNotCheck, VerificationFailed


class Steps:
    """One run of checks.

    Attributes:
        failed: the names of those that failed.
    """

    def __init__(self) -> None:
        """Begin with nothing failed."""
        self.failed: set[str] = set()
        self._unknown: CouldNotCheck | None = None

    def run(self, names: Iterable[str], steps: Mapping[str, Callable[[], str]]) -> tuple[Check, ...]:
        """Run the checks of these names, each of which returns what it found.

        Raises:
            CouldNotCheck: of the first check that could not be made; only where none failed.
        """
        checks = tuple(self._run(name, steps[name]) for name in names)
        if self._unknown is not None and not self.failed:
            raise self._unknown
        return checks

    def _run(self, name: str, step: Callable[[], str]) -> Check:
        if "structure" in self.failed:  # its parts may contradict each other: nothing can be built on them
            return Check(name, ok=False, detail="not checked: structure failed")
        try:
            return Check(name, ok=True, detail=step())
        except VerificationFailed as error:
            self.failed.add(name)
            blamed = "" if error.check == name else f"not checked: {error.check} failed: "
            return Check(name, ok=False, detail=blamed + error.detail)
        except CouldNotCheck as error:
            self._unknown = self._unknown or error  # what is refuted elsewhere is refuted all the same
            return Check(name, ok=False, detail=f"could not check: {error.detail}")
