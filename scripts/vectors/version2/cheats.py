"""Ways to cheat with a history or a promise, each with the check, or the rule, that it fails.

A second verifier runs them, too: what they show is JSON as a bundle holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.erasure import CLOCKS, ERASE
from domain.opening import OPENING
from evidence.version2.promise import sign_promises
from evidence.version2.record import SealedRecord, redact, seal
from primitives.suites import SUITES
from primitives.timestamp import format_time, parse_time
from scripts.vectors.evidence import BROKER, CLIENT, MEMBER_SEED, SUBJECT, seeded
from scripts.vectors.output import Vector
from scripts.vectors.version2.documents import (
    CONFIRMED,
    DAY_MS,
    OPENED,
    RESULT,
    RULE,
    RULESET,
    SUITE,
    act,
    envelope,
    history,
    promises,
    root_salt,
)

STRANGER = "did:ethr:0x2a3f:0x" + seeded("stranger")[:20].hex()
ANCHORED_MS = parse_time("2026-11-21T09:17:00.000+08:00", "anchored")
KEPT_MS = CLOCKS[RULE]


def vectors() -> dict[str, Vector]:
    """Return the ways to cheat: what each fails, and what it shows."""
    histories, promised = _histories(), _promises()
    fails = {name: shown["fails"] for name, shown in {**histories, **promised}.items()}
    return {"cheats": {"fails": fails, "histories": histories, "promises": promised}}


def _shown(records: Sequence[SealedRecord], *erased: int) -> list[dict[str, Any]]:
    return [
        {"erased": record.link.to_json()} if record.envelope["seq"] in erased else dict(redact(record))
        for record in records
    ]


def _case(fails: str, records: list[dict[str, Any]], subject: bytes = SUBJECT, **more: Any) -> dict[str, Any]:
    return {"fails": fails, "broker": BROKER, "subject": subject.hex(), "records": records, **more}


def _again(record: SealedRecord, **changes: Any) -> SealedRecord:
    stated = {name: value for name, value in record.envelope.items() if name != "next"}
    return seal({**stated, **changes}, record.values, record.root_salt)


def _histories() -> dict[str, dict[str, Any]]:
    (one, two, three, four), heads = history()
    whole = [one, two, three, four]
    at = "2046-11-21T09:16:3"
    used_twice = _again(three, seq=4, prev=three.fingerprint.hex(), record_id="019aa3b1-5c10-7000-8000-0000000000ff")
    replaced = _again(two, channel="web")
    of_replaced = heads[1].after(replaced.link)
    knew_more = act(heads[1], CONFIRMED, heads[2], type_="LEVEL_CONFIRM", block=8)
    knew_another = act(of_replaced, CONFIRMED, heads[2], type_="LEVEL_CONFIRM", block=8)
    [signature] = three.envelope["signatures"]
    by_another = _again(three, signatures=[{**signature, "did": STRANGER, "key": f"{STRANGER}#delegate-1"}])
    other_suite = next(suite for suite in SUITES.values() if suite is not SUITE)
    renamed = {**redact(two, []), "envelope": {**two.envelope, "suite": other_suite.name}}
    in_his_name = seal(envelope(heads[0], type_=OPENING, block=7), OPENED, root_salt(1))
    opened_again = act(heads[3], OPENED, heads[3], type_=OPENING, block=9)
    nothing_opened = seal(envelope(heads[0], type_="LEVEL_RESULT", block=8, ruleset=RULESET), RESULT, root_salt(1))
    other_print = [{"seq": 2, "fingerprint": one.fingerprint.hex(), "rule": RULE}]
    erases_another = seal(envelope(heads[3], type_=ERASE, block=9, at=at), {"erases": other_print}, root_salt(4))
    by_no_rule = [{"seq": 2, "fingerprint": two.fingerprint.hex(), "rule": "by-wish"}]
    without_rule = seal(envelope(heads[3], type_=ERASE, block=9, at=at), {"erases": by_no_rule}, root_salt(4))
    times = {"2": ANCHORED_MS, "4": ANCHORED_MS + KEPT_MS}
    return {
        "a-record-left-out": _case("subject-chain", _shown([one, three, four])),
        "records-swapped": _case("subject-chain", _shown([one, three, two, four])),
        "a-record-replaced": _case("subject-chain", _shown([one, replaced, three, four])),
        "a-stub-that-no-erase-names": _case("subject-chain", _shown([one, two, three], 2)),
        "an-erase-of-another-record": _case("subject-chain", _shown([one, two, three, erases_another], 2)),
        "an-act-used-twice": _case("client-signature", _shown([one, two, three, used_twice])),
        "an-act-that-knew-another-record": _case("client-signature", _shown([one, replaced, knew_another])),
        "an-act-before-what-it-knew": _case("client-signature", _shown([one, knew_more])),
        "an-act-of-somebody-else": _case("client-signature", _shown([one, two, by_another])),
        "another-suite-in-the-envelope": _case("subject-chain", [*_shown([one]), renamed, *_shown([three, four])]),
        "a-history-that-nobody-opened": _case("opening", _shown([nothing_opened])),
        "an-opening-in-a-client-s-name": _case("opening", _shown([in_his_name])),
        "an-opening-that-was-erased": _case("opening", _shown([one, two, three, _names_first(heads[3], one)], 1)),
        "what-is-open-opened-again": _case("opening", _shown([one, two, three, opened_again])),
        "an-erasure-before-its-clock": _case("erasure", _shown(whole, 2), anchored_ms={**times, "4": times["4"] - 1}),
        "an-erasure-by-a-rule-without-a-clock": _case(
            "erasure", _shown([one, two, three, without_rule], 2), anchored_ms=times
        ),
        "none": _case("", _shown(whole, 2), anchored_ms=times, client=CLIENT),
    }


def _names_first(head: Any, one: SealedRecord) -> SealedRecord:
    erases = [{"seq": 1, "fingerprint": one.fingerprint.hex(), "rule": RULE}]
    return seal(envelope(head, type_=ERASE, block=9, at="2046-11-21T09:16:3"), {"erases": erases}, root_salt(4))


def _promises() -> dict[str, dict[str, Any]]:
    records, heads = history()
    [made, other] = sign_promises(promises(), MEMBER_SEED)
    key = SUITE.public_key(MEMBER_SEED).hex()
    late = format_time(parse_time(made["recorded_at"], "recorded_at") + DAY_MS + 1)

    def case(fails: str, promise: object, at: int = 1) -> dict[str, Any]:
        record = dict(redact(records[at]))
        return {"fails": fails, "promise": promise, "key": key, "record": record, "label": heads[at].label.hex()}

    return {
        "a-promise-of-another-label": case("promise", {**made, "label": seeded("elsewhere").hex()}),
        "a-promise-of-another-record": case("promise", made, at=2),
        "a-promise-at-another-place": case("promise", {**made, "batch": other["batch"]}),
        "a-promise-for-more-than-a-day": case("promise-times", {**made, "anchor_by": late}),
        "a-promise-that-holds": case("", made),
    }
