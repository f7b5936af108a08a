"""A replay is asked for, made by the chain process, and fetched: its states, its errors, and as of when it speaks."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import signal
import threading
from functools import partial

import pytest
from sqlalchemy import select, update

from domain.opening import OPENING
from evidence.version2.documents.bundle import parse_bundle
from node_adapter import replay_worker as replay_worker_module
from node_adapter import state_worker as state_worker_module
from node_adapter.replay_worker import FORGET_EVERY_MS, REPLAY_PATIENCE_MS, ReplayWorker, replay_worker
from node_adapter.requested_state import RequestedState
from node_adapter.state_worker import state_worker
from node_adapter.store import records, replays
from node_adapter.store.schema import replay_document
from node_adapter.workflows.replay import asked as asked_module
from node_adapter.workflows.replay import bundle as bundles
from node_adapter.workflows.replay import replay as replay_module
from node_adapter.workflows.replay.asked import KEPT_MS, ask_replay, replay_texts, show_replay
from primitives import ed25519
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.packed import pack
from replay.report_client import client_form
from replay.report_page import render_report
from replay.report_pdf import render_pdf
from replay.verification import verify_history
from tests.waiting import wait_until
from tests.world.broker import TOKENS
from tests.world.headers import over_headers
from tests.world.keys import seed
from tests.world.payloads import PAYLOADS
from tests.world.replays import made_replay, replay, report_on, verified, word_for

REQUEST = {"case": "2026-17", "reason": "client disputes the sale"}
NOTICE = {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 1}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path)
    yield broker
    broker.store.dispose()


@pytest.fixture
def client(broker):
    found = broker.enrol("one")
    broker.assess(found)
    broker.anchor()
    return found


def asked(client, **more):
    return {**REQUEST, "did": client.did, **more}


def looks(broker, client):
    with broker.store.read() as connection:
        return [row.type for row in records.of_subject(connection, client.subject)].count("ACCESS_LOG")


class Source:
    """The chain's state; before that, one error after another."""

    def __init__(self, broker, *errors):
        self.take, self.errors, self.asked = broker.chain.state, list(errors), 0

    def __call__(self, wanted):
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.take(wanted)


def test_who_asks_does_not_read_the_history_under_the_lock_of_all_facts(broker, client, monkeypatch):
    def whole(_connection, _pid):
        raise AssertionError("a whole history is read while no fact can be accepted")

    with monkeypatch.context() as patch:
        patch.setattr(records, "of_subject", whole)
        waiting = ask_replay(broker.node, asked(client))
    assert waiting["state"] == "waiting"
    assert looks(broker, client) == 1


def test_it_is_asked_for_made_and_fetched_over_http(broker, client):
    answer = broker.post("/v1/replays", asked(client, lang="en"), role="compliance")
    assert answer.status_code == 202
    place, waiting = answer.headers["Location"], answer.get_json()
    assert (waiting["state"], place) == ("waiting", f"/v1/replays/{waiting['id']}")
    assert looks(broker, client) == 1
    shown = broker.get(place, role="compliance").get_json()
    assert (shown["state"], shown["as_of"], shown["subject"]) == ("waiting", None, client.subject)
    queued = {"before": 0, "step": "queued", "since": shown["asked_at"], "identity": 0, "identities": 1}
    assert shown["progress"] == {**queued, "waits_for": None, "starts": 0}
    early = broker.get(f"{place}/bundle", role="compliance")
    assert (early.status_code, early.get_json()["code"]) == (409, "replay-waiting")
    ReplayWorker(broker.node, broker.chain.state).step()
    shown = broker.get(place, role="compliance").get_json()
    assert (shown["state"], shown["error"], shown["related"], shown["progress"]) == ("done", None, [], None)
    assert shown["as_of"]["block"] == broker.chain.height
    assert {"state-proof", "subject-completeness", "rules"} <= set(shown["checked"])
    text = shown["reach"]["text"]
    assert any("complete as of block" in sentence for sentence in text)
    unchecked = [sentence for sentence in text if sentence.startswith("not checked: ")]
    assert unchecked == [f"not checked: {one['check']}: {one['reason']}" for one in shown["not_checked"]]
    assert unchecked, "the look is pending"
    assert not any("held-promises" in sentence for sentence in unchecked)
    assert text[-1].startswith("held promises are asked by those who hold them")
    bundle, page, summary = (broker.get(f"{place}/{name}", role="compliance") for name in TEXTS[:3])
    assert report_on(broker.node, bundle.data).ok
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.content_type == "text/html; charset=utf-8"
    assert summary.get_json()["as_of"] == shown["as_of"]
    for text in (bundle, page, summary):
        assert (text.status_code, text.headers["Cache-Control"]) == (200, "no-store")


TEXTS = ("bundle", "report", "replay.json", "report.pdf")


def test_the_report_is_fetched_in_either_language_as_a_page_and_as_pdf(broker, client):
    made = replay(broker.node, asked(client, lang="en"))
    place = f"/v1/replays/{made['id']}/report"
    own, page = broker.get(place, role="compliance"), broker.get(f"{place}?language=zh", role="compliance")
    assert own.data.decode() == made["report_html"]
    assert broker.get(f"{place}?language=en", role="compliance").data == own.data
    assert ("适当性回放核验报告" in page.get_data(as_text=True), page.status_code) == (True, 200)
    file = broker.get(f"{place}.pdf", role="compliance")
    assert (file.content_type, file.headers["Cache-Control"]) == ("application/pdf", "no-store")
    assert file.data == broker.get(f"{place}.pdf?language=en", role="compliance").data
    assert file.data == render_pdf(made["report"], "en", broker.node.domains)
    assert file.data != broker.get(f"{place}.pdf?language=zh", role="compliance").data
    given = broker.get(f"{place}?form=client&language=en", role="compliance").get_data(as_text=True)
    assert given == render_report(client_form(made["report"], broker.node.domains), "en", broker.node.domains)
    assert "Form for the client" in given
    assert broker.get(f"{place}.pdf?form=client", role="compliance").data != file.data
    assert broker.get(f"{place}?form=short", role="compliance").get_json()["field"] == "form"
    for path in (place, f"{place}.pdf"):
        wrong = broker.get(f"{path}?language=fr", role="compliance")
        assert (wrong.status_code, wrong.get_json()["field"], wrong.get_json()["rule"]) == (422, "language", "one-of")


def test_a_report_of_an_earlier_version_is_read_as_it_was_made_and_not_otherwise(broker, client):
    made = replay(broker.node, asked(client, lang="en"))
    with broker.store.write() as connection:
        former = {**made["report"], "format": "bonafides.replay-report/1"}
        connection.execute(update(replay_document).values(report=json.dumps(former)))
    place = f"/v1/replays/{made['id']}/report"
    assert broker.get(place, role="compliance").data.decode() == made["report_html"]
    for path in (f"{place}?language=zh", f"{place}.pdf"):
        refused = broker.get(path, role="compliance")
        assert (refused.status_code, refused.get_json()["code"]) == (409, "replay-outdated")


def test_nobody_but_compliance_fetches_it_and_what_is_not_there_is_said_so(broker, client):
    made = replay(broker.node, asked(client))
    for path in (f"/v1/replays/{made['id']}", *(f"/v1/replays/{made['id']}/{name}" for name in TEXTS)):
        for role in ("broker-system", "operator", "regulator"):
            assert broker.get(path, role=role).status_code == 403
        assert broker.get(path, role="compliance").status_code == 200
        missing = broker.get(path.replace(made["id"], "01a1fb74-1ff0-72e1-9cd6-bb1179af9058"), role="compliance")
        assert (missing.status_code, missing.get_json()["code"]) == (404, "replay-not-found")
    for number in ("0", "1", "01", "-1", "x", "9999999", "١"):
        for name in TEXTS:
            path = f"/v1/replays/{made['id']}/related/{number}/{name}"
            assert broker.get(path, role="compliance").status_code == 404


def test_the_looks_at_all_identities_and_the_order_are_one_transaction(broker, client):
    new = broker.enrol("the new wallet", succeeds=client)
    identity = broker.submit(new, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    values = {"predecessor": client.subject, "predecessor_did": client.did, "identity_ref": identity.fingerprint}
    broker.act(new, "ID_SUCCEED", {**values, "reason": "WALLET_LOST"}, "identity-succeed@1")
    broker.anchor()
    spoilt = {"type": "ACCESS_LOG", "subject": client.subject, "payload": {"second_persons": []}}
    with pytest.raises(Exception, match="access"):
        ask_replay(broker.node, asked(new, access=[{**spoilt, "source_ref": "x"}]))
    assert (looks(broker, new), looks(broker, client)) == (0, 0)
    with broker.store.read() as connection:
        assert replays.next_waiting(connection) is None
    made = replay(broker.node, asked(new))
    assert (looks(broker, new), looks(broker, client)) == (1, 1)
    [one] = made["related"]
    assert (one["number"], one["relation"], one["subject"]) == (1, "predecessor", client.subject)
    assert one["as_of"] == made["as_of"]  # of one block
    for name, field in zip(TEXTS[:3], ("bundle", "report_html", "report"), strict=True):
        text = broker.get(f"/v1/replays/{made['id']}/related/1/{name}", role="compliance").get_data(as_text=True)
        assert (json.loads(text) if name == "replay.json" else text) == one[field]


def test_what_waits_when_the_process_is_killed_is_made_after_the_next_start(broker, client):
    number = ask_replay(broker.node, asked(client))["id"]

    class Killed(BaseException):
        pass

    with pytest.raises(Killed):
        ReplayWorker(broker.node, Source(broker, Killed())).step()
    assert show_replay(broker.node, number)["state"] == "waiting"
    assert made_replay(broker.node, number)["state"] == "done"
    assert looks(broker, client) == 1


class Real:
    """The broker's clock, whose sleep is a moment in which other threads go on and no time passes."""

    def __init__(self, clock):
        self.now_ms, self.monotonic_ms = clock.now_ms, clock.monotonic_ms

    def sleep(self, _seconds):
        threading.Event().wait(0.01)


def test_a_replay_that_takes_long_holds_back_no_proofs_of_others(broker, client, monkeypatch):
    begun, go_on, proofs = threading.Event(), threading.Event(), []

    def slow(*args):
        begun.set()
        assert go_on.wait(60)
        return make(*args)

    make = replay_worker_module.make_replay
    monkeypatch.setattr(replay_worker_module, "make_replay", slow)
    monkeypatch.setattr(state_worker_module, "take_proofs", lambda _rpc, wanted, **_more: broker.chain.state(wanted))
    number = ask_replay(broker.node, asked(client))["id"]
    asks = RequestedState(broker.store, Real(broker.clock), broker.node.entropy)
    with state_worker(broker.node), replay_worker(broker.node):
        try:
            wait_until(begun.is_set, "the replay to begin")
            asker = threading.Thread(target=lambda: proofs.append(asks({})), daemon=True)
            asker.start()
            wait_until(lambda: proofs, "proofs, while a replay is made")
            assert show_replay(broker.node, number)["state"] == "waiting"
        finally:
            go_on.set()
        wait_until(lambda: show_replay(broker.node, number)["state"] == "done", "the replay")
    assert proofs[0].header.number == broker.chain.height


@pytest.mark.parametrize(
    "error",
    [
        CouldNotCheck("json-rpc-error", "the node makes no proofs"),
        VerificationFailed("member-keys", "the index is damaged"),
        Refused("record-erased", "gone"),
    ],
    ids=lambda error: error.code,
)
def test_why_it_cannot_be_made_is_kept_as_the_error_that_it_is(broker, client, error):
    number = ask_replay(broker.node, asked(client))["id"]
    ReplayWorker(broker.node, Source(broker, error)).step()
    shown = show_replay(broker.node, number)
    assert (shown["state"], shown["error"]) == ("failed", {"code": error.code, "detail": error.detail})
    with pytest.raises(type(error)) as caught:
        replay_texts(broker.node, number)
    assert (caught.value.code, caught.value.detail) == (error.code, error.detail)
    assert broker.get(f"/v1/replays/{number}", role="compliance").status_code == 200


def test_a_fault_of_the_program_ends_this_replay_and_not_the_next(broker, client):
    first, second = (ask_replay(broker.node, asked(client, case=case))["id"] for case in ("1", "2"))
    worker = ReplayWorker(broker.node, Source(broker, KeyError("a client's secret")))
    with pytest.raises(KeyError):
        worker.step()
    shown = show_replay(broker.node, first)["error"]
    assert shown["code"] == "replay-fault"
    assert "secret" not in shown["detail"]
    worker.step()
    assert show_replay(broker.node, second)["state"] == "done"


def test_what_passes_is_waited_for_and_not_for_ever(broker, client):
    down = CouldNotCheck("chain-unreachable", "nobody answers")
    number = ask_replay(broker.node, asked(client))["id"]
    worker = ReplayWorker(broker.node, Source(broker, down, CouldNotCheck("state-proof-race", "x")))
    for state in ("waiting", "waiting", "done"):
        worker.step()
        assert show_replay(broker.node, number)["state"] == state
    number = ask_replay(broker.node, asked(client))["id"]
    worker = ReplayWorker(broker.node, Source(broker, *[down] * 10))
    worker.step()
    broker.clock.sleep(REPLAY_PATIENCE_MS / 1000)
    worker.step()
    assert show_replay(broker.node, number)["error"]["code"] == "chain-unreachable"


def test_how_far_a_replay_is_is_told_step_by_step_and_what_waits_is_told_once(broker, client, monkeypatch):
    first, second = (ask_replay(broker.node, asked(client, case=case))["id"] for case in ("1", "2"))
    assert [show_replay(broker.node, one)["progress"]["before"] for one in (first, second)] == [0, 1]
    told, keep = [], replay_worker_module.keep_progress

    def keeping(*args, **more):
        keep(*args, **more)
        shown = show_replay(broker.node, first)["progress"]
        told.append((shown["step"], shown["identity"], (shown["waits_for"] or {}).get("code")))

    monkeypatch.setattr(replay_worker_module, "keep_progress", keeping)
    down = CouldNotCheck("chain-unreachable", "nobody answers")
    worker = ReplayWorker(broker.node, Source(broker, down, down, down))
    for _ in range(4):
        worker.step()
    waits = [("state", 0, None), ("state", 0, "chain-unreachable")]
    assert told == [*waits, ("history", 0, None), ("verification", 0, None)]
    assert show_replay(broker.node, first)["state"] == "done"
    assert show_replay(broker.node, second)["progress"]["before"] == 0


def kill_in_a_replay(broker, monkeypatch, source=None):
    """Let a process make the replay that is next, and kill it in the middle."""
    with monkeypatch.context() as patch:
        patch.setattr(replay_module, "_replay", lambda *_args: os.kill(os.getpid(), signal.SIGKILL))
        broker.store.dispose()  # no connection goes into the child
        step = ReplayWorker(broker.node, source or broker.chain.state).step
        killed = multiprocessing.get_context("fork").Process(target=step)
        killed.start()
        killed.join()
    assert killed.exitcode == -signal.SIGKILL


def test_a_process_that_is_killed_in_a_replay_leaves_it_to_the_next_one(broker, client, monkeypatch):
    number = ask_replay(broker.node, asked(client))["id"]
    assert show_replay(broker.node, number)["progress"]["starts"] == 0
    for starts in (1, 2):
        kill_in_a_replay(broker, monkeypatch)
        shown = show_replay(broker.node, number)
        assert (shown["state"], shown["progress"]["step"]) == ("waiting", "verification")
        assert (shown["progress"]["starts"], shown["progress"]["identities"]) == (starts, 1)
    assert made_replay(broker.node, number)["state"] == "done"
    assert looks(broker, client) == 1


def test_one_under_which_the_process_ends_again_and_again_is_given_up_and_the_next_is_made(broker, client, monkeypatch):
    monkeypatch.setattr(replay_worker_module, "MOST_STARTS", 2)
    first, second = (ask_replay(broker.node, asked(client, case=case))["id"] for case in ("1", "2"))
    for _ in range(2):
        kill_in_a_replay(broker, monkeypatch)
    assert made_replay(broker.node, second)["state"] == "done"
    shown = show_replay(broker.node, first)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "replay-fault")
    assert "ended 2 times" in shown["error"]["detail"]


def test_a_restart_while_a_replay_waits_for_the_chain_is_no_start_that_broke_off(broker, client, monkeypatch):
    monkeypatch.setattr(replay_worker_module, "MOST_STARTS", 1)
    number = ask_replay(broker.node, asked(client))["id"]
    for _ in range(3):
        ReplayWorker(broker.node, Source(broker, CouldNotCheck("chain-unreachable", "nobody answers"))).step()
        assert show_replay(broker.node, number)["progress"]["starts"] == 0
    assert made_replay(broker.node, number)["state"] == "done"


def test_proofs_from_before_the_last_anchor_are_waited_over_and_taken_when_no_later_ones_come(broker, client):
    before = broker.chain.height
    broker.submit(client, "DUTY_NOTICE", NOTICE)
    broker.anchor()
    number = ask_replay(broker.node, asked(client))["id"]
    worker = ReplayWorker(broker.node, partial(broker.chain.state_at, before))
    worker.step()
    shown = show_replay(broker.node, number)
    assert shown["state"] == "waiting"
    assert (shown["progress"]["step"], shown["progress"]["waits_for"]["code"]) == ("state", "state-behind")
    broker.clock.sleep(REPLAY_PATIENCE_MS / 1000)
    worker.step()
    shown = show_replay(broker.node, number)
    assert (shown["state"], shown["as_of"]["block"]) == ("done", before)
    bundle = replay_texts(broker.node, number).bundle
    assert parse_bundle(bundle.encode()).pending == 2  # the notice and the look, as that block has it
    assert report_on(broker.node, bundle).ok


def test_so_many_wait_and_no_more_and_what_is_refused_records_no_look(broker, client, monkeypatch):
    monkeypatch.setattr(asked_module, "MAX_WAITING", 2)
    first, _ = (ask_replay(broker.node, asked(client)) for _ in range(2))
    before = looks(broker, client)
    with pytest.raises(CouldNotCheck) as caught:
        ask_replay(broker.node, asked(client))
    assert (caught.value.code, looks(broker, client)) == ("replays-waiting", before)
    ReplayWorker(broker.node, broker.chain.state).step()
    assert show_replay(broker.node, first["id"])["state"] == "done"
    ask_replay(broker.node, asked(client))


def test_what_it_gave_is_kept_for_days_and_dropped_with_its_subject(broker, client):
    first = replay(broker.node, asked(client))["id"]
    other = broker.enrol("another")
    broker.assess(other)
    broker.anchor()
    second = replay(broker.node, asked(other))["id"]
    with broker.store.write() as connection:
        replays.forget_of(connection, client.subject)
    with pytest.raises(Refused, match="replay-not-found"):
        show_replay(broker.node, first)
    assert show_replay(broker.node, second)["state"] == "done"
    worker = ReplayWorker(broker.node, broker.chain.state)
    broker.clock.sleep((KEPT_MS + FORGET_EVERY_MS) / 1000)
    worker.step()
    broker.clock.sleep(FORGET_EVERY_MS / 1000)
    worker.step()
    with pytest.raises(Refused, match="replay-not-found"):
        show_replay(broker.node, second)
    with broker.store.read() as connection:
        assert connection.execute(select(replay_document.c.replay)).all() == []


def test_an_opening_that_is_not_anchored_yet_leaves_the_bundle_that_of_nobody(broker):
    client = broker.enrol("late")
    broker.submit(client, "DUTY_NOTICE", NOTICE)
    broker.anchor()
    broker.act(client, "LEVEL_CONFIRM", {"level_ref": "ab" * 32, "level": "C1"}, "level-confirm@1")
    made = replay(broker.node, asked(client))
    bundle = parse_bundle(made["bundle"].encode())
    assert (bundle.client, bundle.did, report_on(broker.node, made["bundle"]).ok) == (None, (), True)
    broker.anchor()
    made = replay(broker.node, asked(client))
    bundle = parse_bundle(made["bundle"].encode())
    assert (bundle.client, len(bundle.did)) == (client.did, 1)
    report = report_on(broker.node, made["bundle"])
    assert report.ok
    assert [record.type for record in report.records].count(OPENING) == 2
    assert "who signed at record 3" in report.reach.opened_by


def without_others(monkeypatch):
    """Show no anchor beside those of the records."""
    monkeypatch.setattr(bundles, "anchors_before", lambda *_args, **_more: [])


def test_a_promise_under_the_keys_of_the_anchor_before_has_that_one_shown(broker, client, monkeypatch):
    other = broker.enrol("another")
    broker.submit(other, "DUTY_NOTICE", NOTICE)
    broker.rotate()
    broker.anchor()
    made = replay(broker.node, asked(other))["bundle"]
    assert report_on(broker.node, made).ok
    assert [item.leaf.seq for item in parse_bundle(made.encode()).log.anchors] == [2, 3]
    without_others(monkeypatch)
    made = replay(broker.node, asked(other))["bundle"]
    assert report_on(broker.node, made).failed == ("promise",)


def test_a_clients_key_that_ended_before_the_anchor_has_the_one_before_shown(broker, monkeypatch):
    first = broker.enrol("first")
    broker.submit(first, "DUTY_NOTICE", NOTICE)
    broker.anchor()
    client = broker.enrol("one")
    broker.assess(client)
    broker.chain.set_key(client.address, ed25519.public_key(seed("the client's next key")))
    broker.clock.sleep(5)
    broker.chain.set_key(client.address, client.public, 0)
    broker.clock.sleep(5)
    broker.anchor()
    made = replay(broker.node, asked(client))["bundle"]
    assert report_on(broker.node, made).ok
    assert [item.leaf.seq for item in parse_bundle(made.encode()).log.anchors] == [2, 3]
    without_others(monkeypatch)
    made = replay(broker.node, asked(client))["bundle"]
    assert report_on(broker.node, made).failed == ("client-signature",)


def test_a_bundle_is_signed_by_the_key_of_its_last_anchor_although_another_is_in_force(broker, client):
    broker.rotate()
    made = replay(broker.node, asked(client))["bundle"]
    report = report_on(broker.node, made)
    assert report.ok, report.failed


def test_evidence_travels_packed_where_the_caller_takes_it(broker, client):
    made = replay(broker.node, asked(client))
    paths = [(f"/v1/replays/{made['id']}/{name}", "compliance") for name in TEXTS]
    for path, role in [*paths, ("/v1/chain/trust", "regulator")]:
        plain, refusing = broker.get(path, role=role), broker.get(path, role=role, headers=taking("gzip;q=0, br"))
        packed = broker.get(path, role=role, headers=taking("br;q=1, gzip;q=0.5"))
        assert packed.headers["Content-Encoding"] == "gzip"
        assert {one.headers["Vary"] for one in (plain, refusing, packed)} == {"Accept-Encoding"}
        assert not {"Content-Encoding"} & {*plain.headers.keys(), *refusing.headers.keys()}
        assert gzip.decompress(packed.data) == plain.data == refusing.data
        assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
    assert verified(broker.node, made["bundle"]).ok
    bundle = broker.get(paths[0][0], role="compliance", headers=taking("gzip")).data
    word = word_for(broker.node, made["bundle"])
    assert verify_history(bundle, pack(word.file), trust_keys=[word.key]).ok
    for wrong, rule in ((bundle[:-1], "gzip"), (bundle + b"x", "gzip"), (pack(bytes(65 << 20)), "max-bytes")):
        for given in ({"bundle": wrong}, {"related": [wrong]}):
            asked_of = {"bundle": bundle, "trust": word.file, "trust_keys": [word.key], **given}
            with pytest.raises(InvalidInput) as refused:
                verify_history(**asked_of)
            assert (refused.value.field, refused.value.rule) == (*given, rule)
    with pytest.raises(InvalidInput) as refused:
        verify_history(bundle, pack(word.file)[:-1], trust_keys=[word.key])
    assert (refused.value.field, refused.value.rule) == ("trust", "gzip")


def test_receipts_in_bulk_travel_packed_line_by_line(broker, client):
    with broker.store.read() as connection:
        names = [row.record_id for row in records.of_subject(connection, client.subject)]
    rows = [{"record_id": name} for name in names]
    told = broker.lines("/v1/receipts", rows)
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    sent = {"Authorization": f"Bearer {TOKENS['broker-system']}", "Content-Type": "application/x-ndjson"}
    answer = broker.http.post("/v1/receipts", data=data, headers=sent | taking("gzip"))
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert [json.loads(line) for line in gzip.decompress(answer.data).splitlines()] == told
    assert len(told) == len(names)
    assert len(answer.data) < sum(len(json.dumps(one)) for one in told) / 2
    one = broker.post("/v1/receipts", rows[0], headers=taking("gzip"))
    assert (one.status_code, one.get_json()) == (200, told[0])


def taking(encodings):
    return {"Accept-Encoding": encodings}
