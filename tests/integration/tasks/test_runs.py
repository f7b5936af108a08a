"""Joint tasks over three nodes: the honest run, restarts, peers that are down, and each way to end without a result."""

import json

import pytest

from mpc.engines.masked_sum import engine as masked_sum
from mpc.engines.masked_sum.protocol import NAME, Committing
from node_adapter.peers.messages import sign_message
from node_adapter.store import alarms, consents, records
from node_adapter.store import tasks as task_store
from node_adapter.workflows.tasks import delivery, steps, tasks
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from tests.world.consortium import DEADLINE, Consortium, load_cheat, plain_totals


@pytest.fixture
def brokers(tmp_path):
    made = Consortium(tmp_path)
    yield made
    for node in made.nodes:
        node.store.dispose()


def error_of(node, task_id):
    return tasks.show(node, task_id)["error"]


def uses_of(node, task_id):
    with node.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT pid, payload FROM record WHERE type = 'DATA_USE'").all()
    return {pid: json.loads(text) for pid, text in rows if json.loads(text)["task_id"] == task_id}


def test_the_joint_totals_are_the_plain_sums(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(6)
    assert brokers.states(task_id) == ["completed"] * 3
    results = [tasks.show(node, task_id)["result"] for node in brokers.nodes]
    assert results[0] == results[1] == results[2]
    assert [int(value) for value in results[0]["totals"].values()] == plain_totals(brokers.nodes)
    assert results[0]["statistics"]["clients"] == 36


def test_every_client_who_took_part_gets_one_record(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(8)
    for node in brokers.nodes:
        uses = uses_of(node, task_id)
        shown = tasks.show(node, task_id)
        assert len(uses) == shown["clients"] == 12
        for payload in uses.values():
            assert payload["result_hash"] == shown["result_digest"]
            assert payload["input_commitment"] == shown["commitment"]
            assert payload["output_kind"] == "joint-totals"
            assert len(payload["parties"]) == 3


def test_nothing_leaves_before_every_commitment_is_final_in_the_own_index(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.chain.held = {brokers.members[0]}
    brokers.step(1)
    brokers.sent.clear()
    brokers.step(4)
    assert brokers.states(task_id) == ["committed", "masked", "masked"]
    assert brokers.members[0] not in {sender for sender, _, _ in brokers.sent}
    brokers.chain.held = set()
    brokers.chain.index()
    brokers.step(4)
    assert brokers.states(task_id) == ["completed"] * 3


def test_no_result_is_shown_before_every_owner_has_posted_it(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    brokers.step(4, only=brokers.nodes[:2])
    assert brokers.states(task_id)[:2] == ["masked", "masked"]  # the third has not sent
    brokers.step(1, only=brokers.nodes[2:])
    brokers.chain.held = set(brokers.members[:2])
    brokers.step(3, only=brokers.nodes[:2])
    assert brokers.states(task_id)[:2] == ["checked", "checked"]
    assert tasks.show(brokers.nodes[0], task_id)["result"] is None
    brokers.chain.held = set()
    brokers.chain.index()
    brokers.step(4)
    assert brokers.states(task_id) == ["completed"] * 3


def test_only_the_run_s_order_starts_it(brokers):
    task_id = brokers.propose()
    for node in brokers.nodes:
        tasks.approve(node, task_id)
    brokers.chain.mine()
    brokers.step(3)
    assert brokers.states(task_id) == ["approved"] * 3


def test_a_run_waits_for_the_approval_of_every_owner(brokers):
    task_id = brokers.propose()
    for node in brokers.nodes[:2]:
        tasks.approve(node, task_id)
        tasks.run(node, task_id)
    brokers.chain.mine()
    brokers.step(3)
    assert brokers.states(task_id) == ["approved", "approved", "proposed"]


# ---- restarts and peers that are down


def test_killed_between_any_two_steps_it_goes_on_and_sends_the_same_bytes(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    commitments, bodies = set(), set()
    for _ in range(10):
        for at in range(3):
            brokers.step(1, only=[brokers.restart(brokers.nodes[at])])
        shown = tasks.show(brokers.nodes[1], task_id)
        commitments.add(shown["commitment"])
        with brokers.nodes[1].store.read() as connection:
            bodies.add(task_store.messages_of(connection, task_id, NAME).get(brokers.members[1]))
    assert brokers.states(task_id) == ["completed"] * 3
    assert len(commitments - {None}) == 1
    assert len(bodies - {None}) == 1


def test_a_kill_after_sending_sends_the_same_message_again(brokers, monkeypatch):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    sender = brokers.nodes[0]

    def lost(*_arguments):
        raise CouldNotCheck("killed", "before it was written down that the peer has it")

    with monkeypatch.context() as patch:
        patch.setattr(delivery.tasks, "put_message", lost)
        steps.step(sender, brokers.clock.now)
    brokers.restart(sender)
    brokers.step(6)
    assert brokers.states(task_id) == ["completed"] * 3
    sent = [body for who, whom, body in brokers.sent if (who, whom) == (brokers.members[0], brokers.members[1])]
    masked = [body for body in sent if body["format"].startswith("bonafides.masked-sum")]
    assert len(masked) == 2
    assert masked[0] == masked[1]


def test_a_kill_between_the_records_of_use_writes_each_once(brokers, monkeypatch):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    real = steps.submit_facts
    calls = []

    def half(node, facts, read):
        calls.append(len(facts))
        outcome = real(node, facts, read)
        if len(calls) == 1:
            raise CouldNotCheck("killed", "after the records, before the state")
        return outcome

    monkeypatch.setattr(steps, "submit_facts", half)
    brokers.step(10)
    assert brokers.states(task_id) == ["completed"] * 3
    assert len(calls) == 4
    for node in brokers.nodes:
        assert len(uses_of(node, task_id)) == 12


def test_a_peer_that_is_down_is_tried_again_until_it_is_there(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    brokers.down = {brokers.members[2]}
    brokers.step(8)
    assert set(brokers.states(task_id)) == {"masked"} | ({"checked"} & set(brokers.states(task_id)))
    assert tasks.show(brokers.nodes[0], task_id)["result"] is None
    brokers.down = set()
    brokers.clock.now += delivery.LONGEST_WAIT_MS
    brokers.step(6)
    assert brokers.states(task_id) == ["completed"] * 3


def test_tries_become_rarer(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    brokers.down = set(brokers.members[1:])
    brokers.step(60, only=brokers.nodes[:1])
    with brokers.nodes[0].store.read() as connection:
        tries = task_store.messages_of(connection, task_id, f"attempt:{NAME}")
    assert 5 <= int(tries[brokers.members[1]]) <= 12


def test_after_the_deadline_nothing_is_released(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    brokers.down = set(brokers.members)
    brokers.step(2)
    brokers.clock.now = DEADLINE
    brokers.step(4)
    assert brokers.states(task_id) == ["refused"] * 3
    assert {error_of(node, task_id)["code"] for node in brokers.nodes} <= {"task-deadline", "refused-by-owner"}
    assert brokers.chain.tasks[bytes.fromhex(task_id)]["ended"] == "disputed"


def test_a_checked_result_at_the_deadline_is_the_chain_s_to_decide(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(3)
    brokers.chain.held = {brokers.members[0]}
    brokers.step(3)
    brokers.clock.now = DEADLINE
    brokers.step(2)
    assert brokers.states(task_id) == ["checked", "completed", "completed"]
    brokers.chain.held = set()
    brokers.chain.index()
    brokers.step(3)
    assert brokers.states(task_id) == ["completed"] * 3


# ---- who cheats


def test_a_vector_other_than_the_committed_one_is_refused_by_every_broker(brokers, monkeypatch):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(1)
    cheat = load_cheat().OtherVector

    def party(spec, member, values, blinding):
        return (cheat if member == brokers.members[2] else Committing)(spec, member, values, blinding)

    monkeypatch.setattr(masked_sum, "Committing", party)
    brokers.step(8)
    assert brokers.states(task_id) == ["refused"] * 3
    codes = [error_of(node, task_id)["code"] for node in brokers.nodes]
    assert "sum-check" in codes
    assert set(codes) <= {"sum-check", "refused-by-owner"}
    for node in brokers.nodes:
        shown = tasks.show(node, task_id)
        assert shown["result"] is None
        assert len(uses_of(node, task_id)) == 12  # their totals were used, and the record says how it ended
        assert {payload["output_kind"].split(":")[0] for payload in uses_of(node, task_id).values()} == {"refused"}
    assert brokers.chain.tasks[bytes.fromhex(task_id)]["ended"] == "disputed"


def tampered(brokers, task_id, change):
    """The third broker's message after `change`, sent with its key, while its own worker stands still."""
    cheat = brokers.nodes[2]
    steps.step(cheat, brokers.clock.now)
    with cheat.store.read() as connection:
        body = json.loads(task_store.messages_of(connection, task_id, NAME)[cheat.address])
    change(body)
    for node in brokers.nodes[:2]:
        cheat.send(brokers.urls[node.address], sign_message(cheat, node.address, NAME, body))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body.update(blinding="ff" * 32), "scalar-range"),
        (lambda body: body.update(values=body["values"][:2]), "length"),
        (lambda body: body.update(transcript="00" * 32), "message-transcript"),
        (lambda body: body.update(extra=1), "unknown-member"),
    ],
)
def test_a_malformed_message_ends_the_task_and_names_its_sender(brokers, change, code):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(1)
    tampered(brokers, task_id, change)
    brokers.step(6, only=brokers.nodes[:2])
    first = error_of(brokers.nodes[0], task_id)
    assert (first["code"], first["sender"]) == (code, brokers.members[2])
    brokers.step(3)
    assert brokers.states(task_id) == ["refused"] * 3


def test_two_different_messages_of_one_sender_end_the_task(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(1)
    tampered(brokers, task_id, lambda body: None)
    with pytest.raises(Refused, match="equivocation"):
        tampered(brokers, task_id, lambda body: body.update(blinding="00" * 32))
    brokers.step(3)
    assert brokers.states(task_id) == ["refused"] * 3
    assert error_of(brokers.nodes[0], task_id)["code"] == "equivocation"


def test_a_commitment_that_is_no_point_names_its_owner(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(1, only=brokers.nodes[:2])
    brokers.chain._commit(brokers.members[2], bytes.fromhex(task_id), b"\x01" * 48)
    brokers.step(2, only=brokers.nodes[:2])
    told = error_of(brokers.nodes[0], task_id)
    assert (told["code"], told["sender"]) == ("point", brokers.members[2])


def test_a_posted_result_that_differs_ends_the_task(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    brokers.chain._postResult(brokers.members[2], bytes.fromhex(task_id), b"\7" * 32)
    brokers.step(6)
    assert brokers.states(task_id) == ["refused"] * 3
    assert all(tasks.show(node, task_id)["result"] is None for node in brokers.nodes)


def test_a_stranger_s_message_is_refused(brokers):
    task_id = brokers.propose()
    with pytest.raises(Refused, match="not-an-owner"):
        tasks.receive_message(NAME, brokers.nodes[0], "0x" + "99" * 20, {"task_id": task_id})
    with pytest.raises(Refused, match="task-unknown"):
        tasks.receive_message(NAME, brokers.nodes[0], brokers.members[1], {"task_id": "00" * 32})
    with pytest.raises(InvalidInput, match="task_id"):
        tasks.receive_message(NAME, brokers.nodes[0], brokers.members[1], {})
    with pytest.raises(InvalidInput, match="longer"):
        tasks.receive_message(NAME, brokers.nodes[0], brokers.members[1], {"task_id": task_id, "x": "y" * 70_000})


def test_a_late_message_changes_nothing(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(8)
    with brokers.nodes[0].store.read() as connection:
        body = json.loads(task_store.messages_of(connection, task_id, NAME)[brokers.members[1]])
    assert tasks.receive_message(NAME, brokers.nodes[0], brokers.members[1], body) == {"status": "accepted"}
    with pytest.raises(Refused, match="equivocation"):
        tasks.receive_message(NAME, brokers.nodes[0], brokers.members[1], {**body, "blinding": "00" * 32})
    brokers.step(2)
    assert brokers.states(task_id) == ["completed"] * 3


# ---- consents


def pids_of(node):
    with node.store.read() as connection:
        return [row.pid for row in records_of(connection)]


def records_of(connection):
    ids = [f"info-{broker}-{number}" for broker in range(3) for number in range(12)]
    return sorted(records.by_record_ids(connection, ids).values(), key=lambda row: row.log_index)


def taken(brokers, task_id):
    brokers.approve_and_run(task_id)
    brokers.step(1)
    with brokers.nodes[0].store.read() as connection:
        return {client.pid for client in task_store.clients_of(connection, task_id)}


def drop(brokers, node, pid):
    with node.store.write() as connection:
        for row in consents.of_subject(connection, pid):
            connection.exec_driver_sql("DELETE FROM consent WHERE consent_id = ?", (row.consent_id,))


def test_only_clients_whose_consent_holds_take_part(brokers):
    node = brokers.nodes[0]
    brokers.enrol(node, [f"extra-{number}" for number in range(7)])
    with node.store.read() as connection:
        extra = [row.pid for row in records.by_source_refs(connection, [f"info-extra-{n}" for n in range(7)]).values()]
    for pid in extra:
        drop(brokers, node, pid)
    brokers.consent(node, extra[0], purpose="AML_JOINT")
    brokers.consent(node, extra[1], receivers=brokers.members[1:2])
    brokers.consent(node, extra[2], expires_at=brokers.clock.now)
    brokers.consent(node, extra[3], expires_at=DEADLINE, on_chain=False)
    brokers.withdraw_on_chain(brokers.consent(node, extra[4]))
    withdrawn = brokers.consent(node, extra[5])
    with node.store.write() as connection:
        consents.mark_withdrawn(connection, withdrawn, brokers.clock.now)
    brokers.consent(node, extra[6])
    chosen = taken(brokers, brokers.propose())
    assert chosen == {*pids_of(node)} | {extra[6]}


def test_a_client_without_data_does_not_take_part(brokers):
    node = brokers.nodes[0]
    with node.store.write() as connection:
        connection.exec_driver_sql("UPDATE record SET payload = NULL WHERE record_id = 'info-0-3'")
    assert len(taken(brokers, brokers.propose())) == 11


def test_a_named_client_without_consent_is_refused_by_code(brokers):
    node = brokers.nodes[0]
    task_id = brokers.propose()
    tasks.approve(node, task_id)
    drop(brokers, node, pids_of(node)[4])
    with pytest.raises(Refused) as caught:
        tasks.run(node, task_id, ["0-1", "0-4"])
    assert caught.value.code == "no-consent"
    assert not tasks.show(node, task_id)["run_requested"]


def test_named_clients_alone_take_part(brokers):
    task_id = brokers.propose()
    named = [f"0-{number}" for number in range(10)]
    brokers.approve_and_run(task_id, named)
    brokers.step(8)
    assert brokers.states(task_id) == ["completed"] * 3
    assert len(uses_of(brokers.nodes[0], task_id)) == 10


def test_a_named_client_who_withdraws_before_the_totals_ends_the_task(brokers):
    task_id = brokers.propose()
    node = brokers.nodes[0]
    brokers.approve_and_run(task_id, [f"0-{number}" for number in range(10)])
    with node.store.write() as connection:
        for row in consents.of_subject(connection, pids_of(node)[2]):
            consents.mark_withdrawn(connection, row.consent_id, brokers.clock.now)
    brokers.step(3)
    assert error_of(node, task_id)["code"] == "consent-withdrawn"
    assert brokers.states(task_id) == ["refused"] * 3


@pytest.mark.parametrize(
    ("clients", "code"), [(["0-1", "0-1"], "invalid-input"), ([], "invalid-input"), (["nobody"], "subject-not-found")]
)
def test_naming_clients_wrongly_is_refused(brokers, clients, code):
    task_id = brokers.propose()
    tasks.approve(brokers.nodes[0], task_id)
    with pytest.raises((InvalidInput, Refused)) as caught:
        tasks.run(brokers.nodes[0], task_id, clients)
    assert caught.value.code == code


def test_fewer_than_ten_clients_end_the_task_before_anything_is_committed(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id, [f"0-{number}" for number in range(9)])
    brokers.step(4)
    assert error_of(brokers.nodes[0], task_id)["code"] == "too-few-clients"
    assert brokers.states(task_id) == ["refused"] * 3
    assert brokers.members[0] not in tasks.show(brokers.nodes[0], task_id)["chain"]["committed"]
    assert uses_of(brokers.nodes[0], task_id) == {}


# ---- proposals and approvals


def test_proposing_twice_is_one_proposal_and_another_spec_is_refused(brokers):
    task_id = brokers.propose()
    assert tasks.propose(brokers.nodes[0], brokers.spec())["task_id"] == task_id
    with pytest.raises(Refused, match="task-exists"):
        tasks.propose(brokers.nodes[0], brokers.spec(purpose="AML_JOINT"))


def test_a_data_set_of_another_owner_is_refused(brokers):
    spec = brokers.spec()
    spec["owners"][0]["dataset"] = spec["owners"][1]["dataset"]
    with pytest.raises(Refused, match="dataset-unknown"):
        tasks.propose(brokers.nodes[0], spec)


def test_a_task_after_its_deadline_is_not_proposed_approved_or_run(brokers):
    task_id = brokers.propose()
    tasks.approve(brokers.nodes[0], task_id)
    brokers.clock.now = DEADLINE
    for call in (
        lambda: tasks.propose(brokers.nodes[0], brokers.spec(task_id="cd" * 32)),
        lambda: tasks.approve(brokers.nodes[1], task_id),
        lambda: tasks.run(brokers.nodes[0], task_id),
    ):
        with pytest.raises(Refused, match="task-deadline"):
            call()


def test_a_run_before_the_own_approval_is_refused(brokers):
    with pytest.raises(Refused, match="task-not-approved"):
        tasks.run(brokers.nodes[0], brokers.propose())


def test_an_unknown_task_is_refused(brokers):
    for call in (tasks.approve, tasks.run, tasks.show):
        with pytest.raises(Refused, match="task-unknown"):
            call(brokers.nodes[0], "00" * 32)


def test_a_refused_task_is_neither_approved_nor_run(brokers):
    task_id = brokers.propose()
    tasks.approve(brokers.nodes[0], task_id)
    brokers.chain.mine()
    brokers.chain._refuse(brokers.members[1], bytes.fromhex(task_id), bytes(32))
    brokers.step(1)
    assert brokers.states(task_id) == ["refused"] * 3
    for call in (tasks.approve, tasks.run):
        with pytest.raises(Refused, match="task-not-open"):
            call(brokers.nodes[1], task_id)


def test_a_task_that_is_not_on_the_chain_is_not_taken_from_a_peer(brokers):
    with pytest.raises(CouldNotCheck, match="task-not-indexed"):
        tasks.receive_spec(brokers.nodes[1], brokers.members[0], brokers.spec())
    brokers.propose()
    with pytest.raises(Refused, match="task-mismatch"):
        tasks.receive_spec(brokers.nodes[1], brokers.members[0], brokers.spec(purpose="AML_JOINT"))
    with pytest.raises(Refused, match="task-not-proposer"):
        tasks.receive_spec(brokers.nodes[1], brokers.members[2], brokers.spec())


def test_tasks_are_listed_in_short(brokers):
    task_id = brokers.propose()
    assert [entry["task_id"] for entry in tasks.list_all(brokers.nodes[1])] == [task_id]
    shown = tasks.show(brokers.nodes[0], task_id)
    assert shown["chain"]["proposer"] == brokers.members[0]
    assert shown["outbox"]["propose"]["state"] == "final"


def test_a_step_that_the_chain_refuses_ends_the_task(brokers):
    task_id = brokers.propose()
    for node in brokers.nodes:
        tasks.approve(node, task_id)
    brokers.chain.tasks[bytes.fromhex(task_id)]["approve"][brokers.members[0]] = b""
    brokers.chain.mine()
    brokers.step(2)
    assert error_of(brokers.nodes[0], task_id)["code"] == "chain-refused"


def test_a_changed_agreement_key_ends_the_task(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    member = brokers.members[0]
    keys = {"signing": "0x" + brokers.nodes[0].keys.signing_public.hex(), "agreement": "0x" + "09" * 32}
    args = {"member": member, "algorithm": 1, "checkpoint": keys["signing"], "compliance": member, "previousChange": 0}
    brokers.chain.block(("MemberRegistry", "MemberKeysChanged", None, args | keys))
    brokers.step(3)
    assert error_of(brokers.nodes[0], task_id)["code"] == "agreement-key"


def test_a_suspended_owner_ends_the_task(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.chain.block(
        ("MemberRegistry", "MemberSuspended", None, {"member": brokers.members[2], "previousChange": 0})
    )
    brokers.step(3, only=brokers.nodes[:2])
    brokers.chain._commit(brokers.members[2], bytes.fromhex(task_id), b"\xff" * 48)
    brokers.step(3, only=brokers.nodes[:2])
    assert brokers.states(task_id)[:2] == ["refused", "refused"]


def test_the_chain_shows_nothing_of_a_total(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(8)
    totals = tasks.show(brokers.nodes[0], task_id)["result"]["totals"].values()
    with brokers.nodes[0].store.read() as connection:
        chain = [
            row[0] for row in connection.exec_driver_sql("SELECT args FROM chain_event WHERE contract = 'TaskRegistry'")
        ]
    for total in totals:
        if len(total) > 3:
            assert not [text for text in chain if total in text or f"{int(total):x}" in text]


def test_a_record_that_cannot_be_written_raises_an_alarm_and_is_tried_again(brokers, monkeypatch):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    with monkeypatch.context() as patch:
        patch.setattr(steps, "submit_facts", lambda *_of: [Refused("subject-not-found", "gone")])
        brokers.step(8)
        assert brokers.states(task_id) == ["recording"] * 3
        with brokers.nodes[0].store.read() as connection:
            assert [alarm.about for alarm in alarms.list_alarms(connection, steps.TASK_STUCK)] == [task_id]
    brokers.step(1)
    assert brokers.states(task_id) == ["completed"] * 3


def test_a_data_set_is_registered_once(brokers):
    node = brokers.nodes[0]
    assert tasks.register_dataset(node, "clients", {"columns": []})["dataset"] == brokers.datasets[0]
    assert brokers.chain.mine() == 0
    with pytest.raises(InvalidInput, match="name"):
        tasks.register_dataset(node, "", {})


def test_a_checked_task_that_another_owner_left_ends_at_the_deadline(brokers):
    task_id = brokers.propose()
    brokers.approve_and_run(task_id)
    brokers.step(2)
    brokers.step(1, only=brokers.nodes[2:])  # it sends, and then stands still
    brokers.step(2, only=brokers.nodes[:2])
    assert brokers.states(task_id) == ["checked", "checked", "masked"]
    brokers.clock.now = DEADLINE
    brokers.step(3, only=brokers.nodes[:2])
    assert brokers.states(task_id)[:2] == ["refused", "refused"]
    brokers.step(2)
    assert brokers.states(task_id) == ["refused"] * 3
    assert [tasks.show(node, task_id)["result"] for node in brokers.nodes] == [None] * 3
