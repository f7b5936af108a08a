"""What is known of one client at one broker: dated facts, never a single "current" flag.

Facts may be recorded later than they happened, so each question is asked of an instant: which level was in force then,
which opinion, which rating. The state is a value; suitability.states makes the next one.

What a life of any length adds to lies under keys (`domain.entries`): answers, levels as they were computed, products,
opinions, applications. The state itself holds of each no more than an instant and a name.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from domain.entries import Entries
from domain.fact import Fact
from primitives.timestamp import parse_time

_PERIOD_MS = 30 * 86_400_000  # purchases are kept by the month or so in which they were approved
_OF_A_LEVEL = ("level", "total", "valid_from", "valid_to", "horizon", "types", "supersedes")  # what rules and texts ask


@dataclass(frozen=True)
class Submission:
    """Answers as they were submitted."""

    ref: str
    at: int
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Level:
    """A LEVEL_RESULT: what the state itself keeps of its payload, and when the client first confirmed it."""

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
class OpinionDate:
    """Which opinion was given, and when."""

    ref: str
    at: int


@dataclass(frozen=True)
class Track:
    """One product: the opinions, the instants of each later step, and those at which a purchase of it was approved."""

    opinions: tuple[OpinionDate, ...] = ()
    warned: tuple[int, ...] = ()
    insisted: tuple[int, ...] = ()
    disclosed: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()
    bought: tuple[int, ...] = ()  # ascending


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

    @property
    def bought_at(self) -> int | None:
        """Return when something was bought by it, as it stands; None where nothing was."""
        return self.decided_at if self.decision == "APPROVED" and self.kind != "SELL" else None


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
    """Everything that the rules need to know of a client. Start from `SubjectState()`.

    Attributes:
        identified: when that happened first, as nobody asks for more; likewise `informed` and `noticed`.
        submitted: when answers were submitted, in the order of the log.
        newest: the answers that were given last, by their fingerprint; `last`: those that were recorded last.
        levels: in the order of the log.
        results: what the engine stated, by the level's fingerprint.
        tracks: by product.
        opinions: by fingerprint.
        bought: when purchases were approved, ascending, by the period; `bought_in` names the periods, ascending.
        succeeded: when another identity of the same client took over.
        succeeds: the pseudonyms of the identities before; None where a record hides it.
    """

    identified: tuple[int, ...] = ()
    informed: tuple[int, ...] = ()
    noticed: tuple[int, ...] = ()
    submitted: tuple[int, ...] = ()
    newest: str | None = None
    last: str | None = None
    submissions: Entries[Submission] = field(default_factory=Entries)
    levels: tuple[Level, ...] = ()
    results: Entries[Mapping[str, Any]] = field(default_factory=Entries)
    ratings: tuple[Rating, ...] = ()
    tracks: Entries[Track] = field(default_factory=Entries)
    opinions: Entries[OpinionGiven] = field(default_factory=Entries)
    applications: Entries[Application] = field(default_factory=Entries)
    bought: Entries[tuple[int, ...]] = field(default_factory=Entries)
    bought_in: tuple[int, ...] = ()
    consents: Mapping[str, Consent] = field(default_factory=dict)
    succeeded: tuple[int, ...] = ()
    succeeds: tuple[str | None, ...] = ()

    def level_at(self, at: int) -> Level | None:
        """Return the last level that began at or before an instant, expired or not."""
        begun = [level for level in self.levels if level.valid_from <= at]
        return max(reversed(begun), key=lambda level: level.valid_from, default=None)  # of equals, the last recorded

    def level(self, ref: str) -> Level | None:
        """Return the level of this fingerprint."""
        return next((level for level in self.levels if level.ref == ref), None)

    def opinion_at(self, product_id: str, at: int) -> OpinionGiven | None:
        """Return the last opinion on a product given at or before an instant."""
        given = [opinion for opinion in self.track(product_id).opinions if opinion.at <= at]
        newest = max(reversed(given), key=lambda opinion: opinion.at, default=None)
        return None if newest is None else self.opinions.known(newest.ref)

    def track(self, product_id: str) -> Track:
        """Return what is known of a product for this client."""
        return self.tracks.get(product_id) or Track()

    def first_bought(self, since: int) -> int | None:
        """Return when the first purchase was approved from an instant on."""
        for period in self.bought_in[bisect_left(self.bought_in, since // _PERIOD_MS) :]:
            at = first_from(self.bought.known(str(period)), since)
            if at is not None:
                return at
        return None

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

    def with_submission(self, submission: Submission) -> SubjectState:
        """Return the state with answers."""
        is_newest = self.newest is None or submission.at > self.submissions.known(self.newest).at
        return replace(
            self,
            submitted=(*self.submitted, submission.at),
            newest=submission.ref if is_newest else self.newest,
            last=submission.ref,
            submissions=self.submissions.put(submission.ref, submission),
        )

    def with_level(
        self, ref: str, payload: Mapping[str, Any], ruleset: str | None, confirmed: tuple[int, ...] = ()
    ) -> SubjectState:
        """Return the state with a level as it was computed."""
        level = Level(ref, {name: payload[name] for name in _OF_A_LEVEL}, ruleset, confirmed)
        return replace(self, levels=(*self.levels, level), results=self.results.put(ref, payload))

    def with_opinion(self, product_id: str, opinion: OpinionGiven) -> SubjectState:
        """Return the state with an opinion on a product."""
        track = self.track(product_id)
        changed = replace(track, opinions=(*track.opinions, OpinionDate(opinion.ref, opinion.at)))
        return replace(
            self, tracks=self.tracks.put(product_id, changed), opinions=self.opinions.put(opinion.ref, opinion)
        )

    def with_application(self, key: str, application: Application) -> SubjectState:
        """Return the state with a piece of business as it now is."""
        known = self.applications.get(key)
        before, after = None if known is None else known.bought_at, application.bought_at
        changed = replace(self, applications=self.applications.put(key, application))
        if before == after:
            return changed
        if application.product_id is not None:
            track = self.track(application.product_id)
            track = replace(track, bought=exchanged(track.bought, before, after))
            changed = replace(changed, tracks=self.tracks.put(application.product_id, track))
        return changed._bought(before, remove=True)._bought(after)

    def _bought(self, at: int | None, *, remove: bool = False) -> SubjectState:
        if at is None:
            return self
        period = at // _PERIOD_MS
        known = (self.bought.get(str(period)) or ()) if period in self.bought_in else ()
        times = exchanged(known, at, None) if remove else exchanged(known, None, at)
        periods = set(self.bought_in) - {period} | ({period} if times else set())
        return replace(self, bought=self.bought.put(str(period), times), bought_in=tuple(sorted(periods)))


def exchanged(times: tuple[int, ...], before: int | None, after: int | None) -> tuple[int, ...]:
    """Return ascending instants with one in another's place; None is no instant."""
    found = list(times)
    if before is not None:
        found.remove(before)
    if after is not None:
        insort(found, after)
    return tuple(found)


def first_from(times: tuple[int, ...], since: int) -> int | None:
    """Return the first of ascending instants from one on."""
    place = bisect_left(times, since)
    return times[place] if place < len(times) else None


def earliest(times: tuple[int, ...], at: int) -> tuple[int, ...]:
    """Return the earliest instant of those that are known and another one, as the only one."""
    return (min(*times, at),) if times else (at,)


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
        return replace(state, tracks=state.tracks.put(product_id, changed))

    return fold
