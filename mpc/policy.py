"""What must hold before a task is run and before its result is released (joint-statistics.md sections 7 and 8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mpc.errors import PolicyRefused
from mpc.spec import Program, TaskSpec


@dataclass(frozen=True)
class ConsentStanding:
    """A client's consent as one owner's store and its index of the chain know it. Times are milliseconds."""

    consent_id: str
    purpose: str
    receivers: frozenset[str]
    given_at: int
    expires_at: int
    withdrawn_here: bool
    granted_on_chain: bool
    withdrawn_on_chain: bool


def require_open(spec: TaskSpec[Program], now_ms: int) -> None:
    """Refuse a task whose deadline has passed."""
    if now_ms >= spec.deadline_ms:
        raise PolicyRefused("task-deadline", "the deadline of the task has passed")


def require_owner(spec: TaskSpec[Program], member: str) -> None:
    """Refuse a member that owns no data set of the task."""
    if member not in spec.members:
        raise PolicyRefused("not-an-owner", f"{member} owns no data set of this task")


def require_consent(spec: TaskSpec[Program], owner: str, consent: ConsentStanding | None, now_ms: int) -> None:
    """Refuse the use of a client's data that this consent does not cover now.

    Raises:
        PolicyRefused: no-consent, consent-purpose, consent-receivers, consent-expired, consent-withdrawn or
            consent-not-on-chain.
    """
    if consent is None:
        raise PolicyRefused("no-consent", "the client has given no consent for this purpose")
    if consent.purpose != spec.purpose.name:
        raise PolicyRefused("consent-purpose", f"the consent is for {consent.purpose}, not for {spec.purpose.name}")
    missing = [member for member in spec.members if member != owner and member not in consent.receivers]
    if missing:
        raise PolicyRefused("consent-receivers", f"the consent does not name {', '.join(missing)}")
    if consent.withdrawn_here or consent.withdrawn_on_chain:
        raise PolicyRefused("consent-withdrawn", "the client has withdrawn the consent")
    if not consent.given_at <= now_ms < consent.expires_at:
        raise PolicyRefused("consent-expired", "the consent is not in force now")
    if not consent.granted_on_chain:
        raise PolicyRefused("consent-not-on-chain", "the client's grant does not stand on the chain at finality")


def require_local(spec: TaskSpec[Program], clients: int) -> None:
    """Refuse to contribute fewer clients than the policy's minimum: zeros would lay the others' sum bare."""
    if clients < spec.policy.min_clients:
        raise PolicyRefused("too-few-clients", f"{clients} consenting clients are fewer than {spec.policy.min_clients}")


def require_release(spec: TaskSpec[Program], contributors: Collection[str], clients: int) -> None:
    """Refuse a result of too few contributors or of fewer clients than all contributors owe together."""
    if len(set(contributors)) < spec.policy.min_contributors:
        raise PolicyRefused(
            "too-few-contributors",
            f"{len(set(contributors))} contributors are fewer than {spec.policy.min_contributors}",
        )
    owed = len(set(contributors)) * spec.policy.min_clients
    if clients < owed:
        raise PolicyRefused("too-few-clients", f"fewer than {owed} clients in all: a contributor broke its minimum")
