"""Records are erased by two of the staff, after their clock, once the ERASE is anchored; their links alone are left."""

import json

import pytest
from sqlalchemy import select, update

from api.description.clients import DATA_USES
from domain.erasure import CLOCKS
from node_adapter.chain_process import ChainProcess
from node_adapter.store import alarms, anchors, former, records, subjects
from node_adapter.store.schema import erasure, finding, idempotency, subject
from node_adapter.workflows.anchoring.receipts import data_uses_of_client
from node_adapter.workflows.erasing import erasing
from node_adapter.workflows.erasing.erasing import erase_next
from node_adapter.workflows.intake.fold import state_of
from primitives.errors import CouldNotCheck
from primitives.timestamp import format_time
from tests.world.broker import TOKENS
from tests.world.keys import seed
from tests.world.payloads import PAYLOADS, rating
from tests.world.staff import Person, enrolled

RULE = "retention-20-years"
YEARS = CLOCKS[RULE] // 1000
WORD = "a word that stands nowhere else"
OFFICERS = ("Sun Yu", "He Lin")


def pass_time(broker, seconds):
    broker.clock.sleep(seconds)
    broker.chain.time += seconds
    broker.chain.block()


@pytest.fixture
def young(broker, client):
    """A client whose history is anchored."""
    broker.assess(client)
    basics = {**PAYLOADS["INFO_COLLECT"]["basics"], "name": WORD}
    broker.submit(client, "INFO_COLLECT", {**PAYLOADS["INFO_COLLECT"], "basics": basics})
    broker.anchor()
    return client


@pytest.fixture
def old(broker, young):
    """A client whose whole history may go."""
    pass_time(broker, YEARS)
    for name in OFFICERS:
        enrolled(broker, name, "compliance")
    return young


def draft(broker, client, status=200, **asked):
    answer = broker.post("/v1/erasures/draft", {"subject": client.subject, **asked}, role="compliance")
    assert answer.status_code == status, answer.get_json()
    return answer.get_json()


def signed(broker, fact, names=OFFICERS):
    for name in names:
        fact = Person(name, "compliance").sign(broker, fact)
    return fact


def order(broker, fact, status=202):
    answer = broker.post("/v1/erasures", fact, role="compliance")
    assert answer.status_code == status, answer.get_json()
    return answer.get_json()


def shown(broker, made):
    return broker.get(f"/v1/erasures/{made['id']}", role="compliance").get_json()


def erased_of(broker, client):
    """What the client is told of erased records where it asks for the uses of its data; its key has long expired."""
    answer = data_uses_of_client(broker.node, client.did)
    DATA_USES.read(answer, "answer")
    assert answer["data_uses"] == []
    return answer["erased"]


def rows_of(broker, client):
    with broker.store.read() as connection:
        return records.of_subject(connection, client.subject)


def files(broker):
    return b"".join(file.read_bytes() for file in broker.path.parent.glob(f"{broker.path.name}*"))


def test_what_an_erase_names_is_gone_once_it_is_anchored(broker, old):
    before = rows_of(broker, old)
    made = order(broker, signed(broker, draft(broker, old)))
    assert (made["state"], {entry["erased"] for entry in made["erases"]}) == ("waiting", {False})
    gone = [row.seq for row in before if row.type != "OPENING"]
    assert [entry["seq"] for entry in made["erases"]] == gone
    assert erased_of(broker, old) == []
    assert not erase_next(broker.node)  # its own anchor is to come: no anchored ERASE names what would be missing
    assert [row for row in rows_of(broker, old) if row.is_stub] == []
    broker.anchor()
    assert erase_next(broker.node)
    assert not erase_next(broker.node)
    done = shown(broker, made)
    assert (done["state"], {entry["erased"] for entry in done["erases"]}) == ("done", {True})
    after = rows_of(broker, old)
    named = [(entry["seq"], entry["record_id"], entry["rule"], entry["erased_by"]) for entry in erased_of(broker, old)]
    assert named == [(row.seq, row.record_id, RULE, after[-1].record_id) for row in before if row.seq in gone]
    assert after[0] == before[0]
    assert (after[-1].type, [row.seq for row in after if row.is_stub]) == ("ERASE", gone)
    for was, row in ((before[seq - 1], after[seq - 1]) for seq in gone):
        assert (row.payload, row.root_salt, row.envelope_salt, row.envelope) == (None, None, None, b"")
        assert (row.fingerprint, row.label, row.next, row.entry) == (was.fingerprint, was.label, was.next, was.entry)
        assert (row.promise, row.log_index, row.record_id) == (was.promise, was.log_index, was.record_id)
        assert (row.type, row.request_digest, was.source_ref in row.source_ref) == ("", bytes(32), False)


def test_no_byte_of_it_is_left_in_the_files(broker, old):
    gone = [row for row in rows_of(broker, old) if row.type != "OPENING"]
    signatures = {row.act_signature for row in gone} - {None}
    [computed] = [json.loads(row.payload)["engine_digest"] for row in gone if row.type == "LEVEL_RESULT"]
    assert WORD.encode() in files(broker)
    assert files(broker).count(computed.encode()) > 1  # in the record, and in what rules remember of it
    order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    assert erase_next(broker.node)
    left = files(broker)
    assert WORD.encode() not in left
    assert computed.encode() not in left
    assert signatures
    assert not any(signature.encode() in left for signature in signatures)
    for row in gone:
        assert not any(part in left for part in (row.root_salt, row.envelope_salt, row.envelope, row.request_digest))
        assert row.source_ref.encode() not in left


def test_what_is_given_free_is_overwritten_whatever_the_library_does_unasked(broker, old, monkeypatch):
    order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    asked = []
    overwrite = erasing.erasures.overwrite_what_is_deleted

    def seen(connection):
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        overwrite(connection)
        asked.append(connection.exec_driver_sql("PRAGMA secure_delete").scalar_one())

    monkeypatch.setattr(erasing.erasures, "overwrite_what_is_deleted", seen)
    assert erase_next(broker.node)
    assert asked == [1]


def test_findings_and_what_is_known_of_the_client_go_with_the_records(broker, old):
    rows = rows_of(broker, old)
    [level] = [row.fingerprint.hex() for row in rows if row.type == "LEVEL_RESULT"]
    ids = [row.record_id for row in rows]
    with broker.store.read() as connection:
        assert level in subjects.find_by_pid(connection, old.subject).state
    with broker.store.write() as connection:
        connection.execute(finding.insert().values(record_id=ids[2], code="LATE", rule="r", detail=WORD))
    order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    assert erase_next(broker.node)
    with broker.store.read() as connection:
        assert records.findings_of(connection, ids) == {}
        subject = subjects.find_by_pid(connection, old.subject)
        state = state_of(broker.node, connection, subject)
    assert level not in subject.state
    assert WORD not in subject.state
    assert state == broker.node.domains.of("LEVEL_RESULT").start()


def test_a_kept_answer_that_shows_it_is_deleted_and_no_other(broker, old):
    [row] = [row for row in rows_of(broker, old) if row.type == "LEVEL_RESULT"]
    with broker.store.write() as connection:
        for key, text in (("shows", row.record_id), ("other", "019aa3b1-5c10-7000-8000-000000000009")):
            connection.execute(
                idempotency.insert().values(
                    key=key, route="r", request_digest=b"", status=201, response=json.dumps({"id": text}).encode(),
                    content_type="", created_at=broker.clock.now,
                )
            )  # fmt: skip
    order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    assert erase_next(broker.node)
    with broker.store.read() as connection:
        assert list(connection.execute(select(idempotency.c.key)).scalars()) == ["other"]


def test_the_clock_is_measured_from_the_anchor_and_not_a_second_less(broker, young):
    [*_, last] = rows_of(broker, young)
    with broker.store.read() as connection:
        begun = anchors.first_covering(connection, last.log_index).block_time
    pass_time(broker, YEARS - 100)
    early = draft(broker, young, status=409, records=[last.seq])
    assert (early["code"], format_time((begun + YEARS) * 1000) in early["detail"]) == ("erase-too-early", True)
    assert draft(broker, young, status=409)["code"] == "erase-nothing"
    broker.chain.time = begun + YEARS - broker.chain.height - 2  # the next block is a second before the time
    broker.chain.block()
    assert draft(broker, young, status=409, records=[last.seq])["code"] == "erase-too-early"
    broker.chain.block()
    assert draft(broker, young, records=[last.seq])["payload"]["erases"][0]["seq"] == last.seq


def test_what_was_drafted_in_time_by_a_forger_is_refused_at_the_door(broker, young):
    for name in OFFICERS:
        enrolled(broker, name, "compliance")
    row = rows_of(broker, young)[-1]
    named = [{"seq": row.seq, "fingerprint": row.fingerprint.hex(), "rule": RULE}]
    fact = broker.fact(young.subject, "ERASE", {"erases": named}, actor={"did": broker.did, "role": "compliance"})
    size = len(rows_of(broker, young))
    assert order(broker, signed(broker, fact), 409)["code"] == "erase-too-early"
    assert len(rows_of(broker, young)) == size


@pytest.mark.parametrize(
    ("names", "status", "code"),
    [
        ((), 409, "second-person-missing"),
        (("Sun Yu",), 409, "second-person-missing"),
        (("Sun Yu", "Li Wei"), 422, "staff-role"),
        (("Sun Yu", "Nobody"), 422, "staff-key-unknown"),
    ],
)
def test_two_of_the_compliance_staff_sign_it(broker, old, names, status, code):
    enrolled(broker, "Li Wei", "reviewer")
    assert order(broker, signed(broker, draft(broker, old), names), status)["code"] == code


def test_one_person_with_two_keys_is_one(broker, old):
    enrolled(broker, "Sun Yu", "compliance", secret="another key")
    fact = signed(broker, draft(broker, old), ["Sun Yu"])
    twice = Person("Sun Yu", "compliance", "another key").sign(broker, fact)
    assert order(broker, twice, 422)["code"] == "staff-same-person"


@pytest.mark.parametrize("role", ["client", "compliance", "reviewer"])
def test_nobody_is_told_to_have_erased_but_the_brokers_compliance(broker, old, role):
    """Two officers who sign that the client did it, or another member, would lay it at the door of somebody else."""
    did = {"client": old.did, "compliance": broker.did.replace(broker.did[-8:], "99999999"), "reviewer": broker.did}
    fact = {**draft(broker, old), "actor": {"did": did[role], "role": role}}
    answer = order(broker, signed(broker, fact), 422)
    assert (answer["field"], answer["rule"]) == ("actor", "constant")
    assert all(row.type != "ERASE" for row in rows_of(broker, old))


def test_an_approval_by_somebody_who_left_meanwhile_does_not_count(broker, old):
    fact = signed(broker, draft(broker, old))
    staff = broker.get("/v1/staff", role="compliance").get_json()["staff"]
    [key] = [person["key"] for person in staff if person["name"] == OFFICERS[1]]
    assert broker.post("/v1/staff/end", {"key": key, "reason": "LEFT"}, role="operator").status_code < 300
    assert order(broker, fact, 422)["code"] == "staff-key-ended"


def test_an_approval_is_of_the_list_that_was_signed_and_serves_once(broker, old):
    fact = signed(broker, draft(broker, old, records=[3, 4]))
    for erases in (fact["payload"]["erases"][:1], fact["payload"]["erases"][::-1]):
        changed = {**fact, "payload": {**fact["payload"], "erases": erases}}
        assert order(broker, changed, 422)["code"] == "staff-signature"
    order(broker, fact)
    assert order(broker, {**fact, "source_ref": "erase:again"}, 409)["code"] == "erase-again"


def test_an_erase_is_no_fact_that_a_system_hands_in(broker, old):
    answer = broker.post("/v1/facts", signed(broker, draft(broker, old)))
    assert (answer.status_code, answer.get_json()["rule"]) == (422, "node-record")
    assert order(broker, broker.fact(old.subject, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"]), 422)["rule"] == "one-of"


def test_another_record_than_is_there_is_not_erased(broker, old):
    fact = draft(broker, old)
    fact["payload"]["erases"][0]["fingerprint"] = seed("another").hex()
    assert order(broker, signed(broker, fact), 409)["code"] == "erase-other-record"
    fact["payload"]["erases"][0]["seq"] = 99
    assert order(broker, signed(broker, fact), 422)["rule"] == "range"


def test_the_same_order_again_is_one_and_what_was_named_is_not_named_again(broker, old):
    fact = signed(broker, draft(broker, old, records=[3]))
    made = order(broker, fact)
    assert order(broker, fact) == made
    assert draft(broker, old, status=409, records=[3])["code"] == "erase-again"
    assert 3 not in [entry["seq"] for entry in draft(broker, old)["payload"]["erases"]]
    broker.anchor()
    assert erase_next(broker.node)
    assert draft(broker, old, status=409, records=[3])["code"] == "erase-again"


def test_an_opening_and_an_erase_stay(broker, old):
    assert draft(broker, old, status=409, records=[1])["code"] == "erase-kept"
    order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    assert erase_next(broker.node)
    pass_time(broker, YEARS)
    assert draft(broker, old, status=409, records=[len(rows_of(broker, old))])["code"] == "erase-kept"
    assert draft(broker, old, status=409)["code"] == "erase-nothing"


def test_records_of_a_product_stay(broker, old):
    product = broker.enrol_product("fund-1")
    broker.rate(product)
    assert draft(broker, product, status=409)["code"] == "erase-house"


def test_a_fact_whose_record_was_erased_is_not_stored_again(broker, old):
    fact = broker.fact(old.subject, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"], source_ref="one of the system's")
    place = 1 + len(rows_of(broker, old))
    broker.take(fact)
    broker.anchor()
    pass_time(broker, YEARS)
    for name in OFFICERS:
        enrolled(broker, name, "compliance", secret=f"new key of {name}")
    twice = draft(broker, old, records=[place])
    for name in OFFICERS:
        twice = Person(name, "compliance", f"new key of {name}").sign(broker, twice)
    order(broker, twice)
    broker.anchor()
    assert erase_next(broker.node)
    answer = broker.post("/v1/facts", fact)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "record-erased")


def test_a_kill_in_the_middle_of_the_deletion_leaves_all_and_loses_nothing(broker, old, monkeypatch):
    made = order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    before = rows_of(broker, old)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    for step in ("wipe", "put_state"):
        with monkeypatch.context() as patch:
            patch.setattr(erasing.erasures, step, killed)
            with pytest.raises(Killed):
                erase_next(broker.node)
        assert rows_of(broker, old) == before
    for step in ("answers_that_show", "mark_done"):  # all is deleted, and not noted as done
        with monkeypatch.context() as patch:
            patch.setattr(erasing.erasures, step, killed)
            with pytest.raises(Killed):
                erase_next(broker.node)
        assert (shown(broker, made)["state"], rows_of(broker, old)[2].is_stub) == ("waiting", True)
    assert erase_next(broker.node)
    assert shown(broker, made)["state"] == "done"


def test_an_erasure_is_done_only_when_no_reader_holds_an_earlier_state_of_the_file(broker, old):
    made = order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    with broker.store.read() as connection:
        subjects.total(connection)  # a reader who began before
        assert not erase_next(broker.node)
    assert shown(broker, made)["state"] == "waiting"
    assert erase_next(broker.node)
    assert (shown(broker, made)["state"], WORD.encode() in files(broker)) == ("done", False)


def test_what_was_not_over_at_the_anchor_of_the_erase_stays(broker, old):
    """A chain that was reset may date the ERASE before the time at which it was taken."""
    made = order(broker, signed(broker, draft(broker, old, records=[3])))
    broker.anchor()
    with broker.store.write() as connection:
        last = anchors.latest(connection)
        table = anchors.anchor
        connection.execute(update(table).where(table.c.seq == last.seq).values(block_time=last.block_time - 3600))
    assert erase_next(broker.node)
    assert (shown(broker, made)["state"], rows_of(broker, old)[2].is_stub) == ("done", False)


def test_a_busy_store_puts_it_off(broker, old):
    order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    with broker.store.write(), pytest.raises(CouldNotCheck):
        erase_next(broker.node)
    assert erase_next(broker.node)


def test_receipts_gates_and_facts_name_what_is_gone(broker, old):
    asked = {"subject": old.subject, "act": "MATCH_OPINION", "details": {"product_id": "fund-1"}}
    assert "not_checked" not in broker.post("/v1/gates", asked).get_json()
    order(broker, signed(broker, draft(broker, old)))
    place = len(rows_of(broker, old))
    broker.anchor()
    assert erase_next(broker.node)
    [row] = [row for row in rows_of(broker, old) if row.seq == 3]
    refused = broker.post("/v1/receipts", {"record_id": row.record_id}).get_json()
    assert (refused["code"], "was erased" in refused["detail"]) == ("record-erased", True)
    told = {
        "check": "erased-records",
        "reason": f"what the ERASE records at the places {place} name is gone, and no rule saw it",
    }
    gate = broker.post("/v1/gates", asked).get_json()
    assert (gate["allowed"], gate["not_checked"]) == (False, [told])
    fact = broker.fact(old.subject, "INFO_COLLECT", PAYLOADS["INFO_COLLECT"])
    assert broker.post("/v1/facts", fact).get_json()["not_checked"] == [told]


def test_only_compliance_erases(broker, old):
    fact = signed(broker, draft(broker, old))
    for role in TOKENS.keys() - {"compliance"}:
        assert broker.post("/v1/erasures", fact, role=role).status_code == 403
    with broker.store.read() as connection:
        assert connection.execute(select(erasure)).all() == []


def test_the_chain_process_does_it_also_while_the_chain_is_away(broker, old):
    class Away:
        def batch(self, _):
            raise CouldNotCheck("chain-unreachable", "nobody answers")

    made = order(broker, signed(broker, draft(broker, old)))
    broker.anchor()
    process = ChainProcess(broker.node, Away(), pause=lambda _: None, should_stop=lambda: False)
    for _ in range(20):
        process.step()
        if shown(broker, made)["state"] == "done":
            break
    assert shown(broker, made)["state"] == "done"


def test_of_a_subject_that_bears_a_rating_nothing_is_erased(broker):
    """Whoever relies on the rating shows that history in the own bundle, where no verifier takes a stub."""
    plain = broker.post("/v1/subjects", {"client_ref": "plain"}).get_json()["subject"]
    broker.take(broker.fact(plain, "PRODUCT_RATE", rating("fund-9")))
    broker.take(broker.fact(plain, "ID_VERIFY", PAYLOADS["ID_VERIFY"]))
    broker.anchor()
    pass_time(broker, YEARS)
    answer = broker.post("/v1/erasures/draft", {"subject": plain, "records": [3]}, role="compliance")
    assert answer.get_json()["code"] == "erase-house"


def test_without_the_database_of_format_1_a_history_that_continues_waits_and_the_others_go_on(broker, young):
    """What is known of the client was folded from both; the alarm says what is missing."""
    other = broker.enrol("another client")
    broker.assess(other)
    broker.anchor()
    pass_time(broker, YEARS)
    for name in OFFICERS:
        enrolled(broker, name, "compliance")
    first, second = (order(broker, signed(broker, draft(broker, one))) for one in (young, other))
    with broker.store.write() as connection:
        former.put_log(connection, former.FormerLog("d", 1, "c", 1, "ab", 3, "cd"))
        own = subject.c.pid == young.subject
        connection.execute(update(subject).where(own).values(former_count=3, former_head=bytes(32)))
    broker.anchor()
    while erase_next(broker.node):
        pass
    assert [shown(broker, made)["state"] for made in (first, second)] == ["waiting", "done"]
    with broker.store.read() as connection:
        [alarm] = alarms.list_alarms(connection, alarms.FORMER_MISSING)
    assert (alarm.count, "former-not-found" in alarm.detail) == (1, True)
    assert draft(broker, young, status=404)["code"] == "former-not-found"
