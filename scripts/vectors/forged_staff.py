"""False histories about a broker's staff: what a broker would write who wants a second person after the fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evidence.record import seal
from evidence.staff import act_digest, did_key
from scripts.vectors.staff_world import countersign, end, enrol, person, public
from scripts.vectors.synthetic_chain import World, seeded

DECIDED = {"application_id": "A-1", "decision": "APPROVED", "reviewer": "Li Wei"}
PRODUCT = seeded("product")
RATED = {"product": "FUND-1", "risk": "R3"}


def colleague_invented(world: World) -> Sequence[bytes]:
    """The reviewer was enrolled after the decision."""
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    enrol(world, "Li Wei")
    return (person("Li Wei"),)


def colleague_not_shown(world: World) -> Sequence[bytes]:
    """The reviewer's enrolment stands in the log, and not in the bundle."""
    enrol(world, "Li Wei")
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    return ()


def colleague_gone(world: World) -> Sequence[bytes]:
    """The reviewer's key was ended before the decision."""
    end(world, enrol(world, "Li Wei"))
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    return (person("Li Wei"),)


def colleague_expired(world: World) -> Sequence[bytes]:
    """The reviewer's key had expired at the block of the decision; the record states an earlier time."""
    enrol(world, "Li Wei", until="2026-11-19T00:00:00.000+08:00")
    world.chain.stood_still = 3 * 86_400
    world.chain.add_block()
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei", occurred_at="2026-11-18T19:06:48.000+08:00")
    return (person("Li Wei"),)


def wrong_role(world: World) -> Sequence[bytes]:
    """A member of the committee signs a decision as its reviewer."""
    enrol(world, "Li Wei", "committee")
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    return (person("Li Wei"),)


def one_person_twice(world: World) -> Sequence[bytes]:
    """One person signs a rating with two keys."""
    enrol(world, "Zhao Min", "committee")
    enrol(world, "Zhao Min", "committee", key="Zhao Min's other key")
    countersign(world, "PRODUCT_RATE", RATED, "Zhao Min", "Zhao Min's other key", subject=PRODUCT)
    return (PRODUCT, person("Zhao Min"))


def handled_and_reviewed(world: World) -> Sequence[bytes]:
    """Whoever handled the business reviews it, too."""
    enrol(world, "Li Wei")
    actor = {"did": did_key(public("Li Wei")), "role": "staff"}
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei", actor=actor)
    return (person("Li Wei"),)


def another_named(world: World) -> Sequence[bytes]:
    """The record names another reviewer than the one who signed."""
    enrol(world, "Li Wei")
    countersign(world, "BIZ_DECIDE", {**DECIDED, "reviewer": "Director Wang"}, "Li Wei")
    return (person("Li Wei"),)


def signature_moved(world: World) -> Sequence[bytes]:
    """The signature under one decision stands under another one."""
    enrol(world, "Li Wei")
    refused = countersign(world, "BIZ_DECIDE", {**DECIDED, "decision": "REFUSED"}, "Li Wei").sealed.envelope
    over = act_digest(refused, refused["fields"])
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei", over=over)
    return (person("Li Wei"),)


def signed_once_recorded_twice(world: World) -> Sequence[bytes]:
    """One signed decision stands in two records."""
    enrol(world, "Li Wei")
    first = countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei").sealed
    again: Mapping[str, Any] = {
        **first.envelope,
        "seq": first.envelope["seq"] + 1,
        "prev": first.fingerprint.hex(),
        "record_id": "019aa3b1-0000-7000-8000-000000000009",
    }
    world.append(seal(again, first.values, first.root_salt), world.chain.time(world.chain.head) * 1000 + 9)
    return (person("Li Wei"),)


def another_members_staff(world: World) -> Sequence[bytes]:
    """The reviewer let himself be enrolled at another member."""
    enrol(world, "Li Wei", broker=world.client)
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    return (person("Li Wei"),)


STAFF_FORGERIES = (
    colleague_invented,
    colleague_not_shown,
    colleague_gone,
    colleague_expired,
    wrong_role,
    one_person_twice,
    handled_and_reviewed,
    another_named,
    signature_moved,
    signed_once_recorded_twice,
    another_members_staff,
)
