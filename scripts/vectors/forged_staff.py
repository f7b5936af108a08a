"""False histories about a broker's staff: what a broker would write who wants a second person after the fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.second_person import FIELD
from evidence.documents.record import seal
from evidence.documents.staff_signature import act_digest
from evidence.log.roster import did_key
from scripts.vectors.staff_world import countersign, end, enrol, person, public
from scripts.vectors.synthetic_chain import World, seeded
from suitability.records.staff import END

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
    return (PRODUCT, person("Zhao Min"), person("Zhao Min's other key"))


def one_person_spelled_twice(world: World) -> Sequence[bytes]:
    """One person signs a rating twice, the second time under a name that only a machine tells from the first."""
    enrol(world, "Zhao Min", "committee")
    enrol(world, "zhao  Ｍin", "committee")
    countersign(world, "PRODUCT_RATE", RATED, "Zhao Min", "zhao  Ｍin", subject=PRODUCT)
    return (PRODUCT, person("Zhao Min"), person("zhao  Ｍin"))


def handled_and_reviewed(world: World) -> Sequence[bytes]:
    """Whoever handled the business reviews it, too."""
    enrol(world, "Li Wei")
    actor = {"did": did_key(public("Li Wei")), "role": "staff"}
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei", actor=actor)
    return (person("Li Wei"),)


def handled_by_another_spelling(world: World) -> Sequence[bytes]:
    """Whoever handled it reviews it, too; the record names him by a DID URL of his key."""
    enrol(world, "Li Wei")
    did = did_key(public("Li Wei"))
    actor = {"did": f"{did}#{did.removeprefix('did:key:')}", "role": "staff"}
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei", actor=actor)
    return (person("Li Wei"),)


def ended_and_back(world: World) -> Sequence[bytes]:
    """A key that was ended is enrolled again on another pseudonym, and where it ended is left out of the bundle."""
    end(world, enrol(world, "Li Wei"))
    elsewhere = seeded("another pseudonym of Li Wei")
    enrol(world, "Li Wei", subject=elsewhere)
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    return (elsewhere,)


def ended_elsewhere(world: World) -> Sequence[bytes]:
    """The end of a key stands where nobody looks for it."""
    enrolled = enrol(world, "Li Wei").sealed
    values = {"key": enrolled.values["key"], "enrolment_ref": enrolled.fingerprint.hex(), "reason": "KEY_STOLEN"}
    world.accept(END, values, subject=person("Sun Yu"))
    countersign(world, "BIZ_DECIDE", DECIDED, "Li Wei")
    return (person("Li Wei"), person("Sun Yu"))


def nobodys_signatures(world: World) -> Sequence[bytes]:
    """Random bytes stand as signatures, of keys that nobody enrolled."""
    enrol(world, "Sun Yu")
    garbage = [{"key": letter * 64, "value": "A" * 86} for letter in "ac"]
    world.accept("BIZ_DECIDE", {**DECIDED, FIELD: garbage})
    return (person("Sun Yu"),)


def client_reviews(world: World) -> Sequence[bytes]:
    """The client's own key is enrolled as the reviewer's, and signs."""
    enrol(world, "Li Wei", key="client signing seed")
    countersign(world, "BIZ_DECIDE", DECIDED, "client signing seed")
    return (person("client signing seed"),)


def node_reviews(world: World) -> Sequence[bytes]:
    """The key with which the broker's node signs is enrolled as the reviewer's, and signs."""
    enrol(world, "Li Wei", key="broker signing seed")
    countersign(world, "BIZ_DECIDE", DECIDED, "broker signing seed")
    return (person("broker signing seed"),)


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
    one_person_spelled_twice,
    handled_and_reviewed,
    handled_by_another_spelling,
    ended_and_back,
    ended_elsewhere,
    nobodys_signatures,
    client_reviews,
    node_reviews,
    another_named,
    signature_moved,
    signed_once_recorded_twice,
    another_members_staff,
)
