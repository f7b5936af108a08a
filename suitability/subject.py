"""What is known of one client at one broker: dated facts, never a single "current" flag.

Facts may be recorded later than they happened, so each question is asked of an instant: which level was in force then,
which opinion, which rating. The state is a value; suitability.states makes the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from domain.fact import Fact
from primitives.timestamp import parse_time


@dataclass(frozen=True)
class Submission:
    """Answers as they were submitted."""

    ref: str
    at: int
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Level:
    """A LEVEL_RESULT, and when the client confirmed it."""

    ref: str
    payload: Mapping[str, Any] = field(repr=False)
    ruleset: str | None
    confirmed: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Return the level, such as C3."""
        return str(self.payload["level"])

    @cached_property  # rules hold each one against all before it
    def valid_from(self) -> int:
        """Return the first millisecond at which the level counts."""
        return parse_time(self.payload["valid_from"], "valid_from")

    @cached_property
    def valid_to(self) -> int:
        """Return the first millisecond at which the level no longer counts."""
        return parse_time(self.payload["valid_to"], "valid_to")


@dataclass(frozen=True)
class Rating:
    """A PRODUCT_RATE record: its fingerprint (hex) and payload."""

    ref: str
    payload: Mapping[str, Any] = field(repr=False)

    @cached_property
    def effective_from(self) -> int:
        """Return the first millisecond at which the rating counts."""
        return parse_time(self.payload["effective_from"], "effective_from")


@dataclass(frozen=True)
class OpinionGiven:
    """A MATCH_OPINION: when, under which rule set, and what it said."""

    ref: str
    at: int
    ruleset: str | None
    payload: Mapping[str, Any] = field(repr=False)

    @property
    def code(self) -> str:
        """Return the result, such as RISK_MISMATCH."""
        return str(self.payload["code"])


@dataclass(frozen=True)
class Track:
    """One product: the opinions, and the instants of each later step."""

    opinions: tuple[OpinionGiven, ...] = ()
    warned: tuple[int, ...] = ()
    insisted: tuple[int, ...] = ()
    disclosed: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Application:
    """One piece of business, from the application to the signed agreement."""

    kind: str
    product_id: str | None
    applied_at: int | None = None
    decided_at: int | None = None
    decision: str | None = None
    signed_at: int | None = None
    decision_ref: str | None = None  # of the last decision, and the keys of the staff who signed it
    decision_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Consent:
    """One consent: one purpose, one set of receivers."""

    purpose: str
    receivers: tuple[str, ...]
    given_at: int
    expires_at: int
    withdrawn_at: int | None = None


@dataclass(frozen=True)
class SubjectState:
    """Everything that the rules need to know of a client. Start from `SubjectState()`."""

    identified: tuple[int, ...] = ()
    informed: tuple[int, ...] = ()
    noticed: tuple[int, ...] = ()
    submissions: tuple[Submission, ...] = ()
    levels: tuple[Level, ...] = ()
    ratings: tuple[Rating, ...] = ()
    tracks: Mapping[str, Track] = field(default_factory=dict)
    applications: Mapping[str, Application] = field(default_factory=dict)
    consents: Mapping[str, Consent] = field(default_factory=dict)
    succeeded: tuple[int, ...] = ()  # when another identity of the same client took over
    succeeds: tuple[str | None, ...] = ()  # the pseudonyms of the identities before; None where a record hides it

    def level_at(self, at: int) -> Level | None:
        """Return the last level that began at or before an instant, expired or not."""
        begun = [level for level in self.levels if level.valid_from <= at]
        return max(reversed(begun), key=lambda level: level.valid_from, default=None)  # of equals, the last recorded

    def level(self, ref: str) -> Level | None:
        """Return the level of this fingerprint."""
        return next((level for level in self.levels if level.ref == ref), None)

    def submission(self, ref: str) -> Submission | None:
        """Return the answers of this fingerprint."""
        return next((entry for entry in self.submissions if entry.ref == ref), None)

    def opinion_at(self, product_id: str, at: int) -> OpinionGiven | None:
        """Return the last opinion on a product given at or before an instant."""
        given = [opinion for opinion in self.track(product_id).opinions if opinion.at <= at]
        return max(reversed(given), key=lambda opinion: opinion.at, default=None)

    def track(self, product_id: str) -> Track:
        """Return what is known of a product for this client."""
        return self.tracks.get(product_id, Track())

    def stage(self, at: int) -> str:
        """Return PROSPECT, IDENTIFIED, INFORMED, ASSESSED, CONFIRMED or EXPIRED at an instant."""
        level = self.level_at(at)
        if level is not None:
            if at >= level.valid_to:
                return "EXPIRED"
            return "CONFIRMED" if happened(level.confirmed, at) else "ASSESSED"
        if happened(self.informed, at) and happened(self.noticed, at):
            return "INFORMED"
        return "IDENTIFIED" if happened(self.identified, at) else "PROSPECT"

    def with_application(self, key: str, application: Application) -> SubjectState:
        """Return the state with a piece of business as it now is."""
        return replace(self, applications={**self.applications, key: application})


def happened(times: Iterable[int], at: int, since: int = 0) -> bool:
    """Tell whether something happened from `since` up to and including an instant."""
    return any(since <= time <= at for time in times)


def fold_step(name: str) -> Callable[[SubjectState, Fact], SubjectState]:
    """Return the fold of one dated step of a product: `warned`, `insisted`, `disclosed` or `confirmed`."""

    def fold(state: SubjectState, fact: Fact) -> SubjectState:
        product_id = str(fact.payload["product_id"])
        track = state.track(product_id)
        times: tuple[int, ...] = getattr(track, name)
        changed = replace(track, **{name: (*times, fact.occurred_at)})  # type: ignore[arg-type]  # one of four time lists
        return replace(state, tracks={**state.tracks, product_id: changed})

    return fold
