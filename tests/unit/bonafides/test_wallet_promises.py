import json

import pytest

from bonafides.cli.main import main
from bonafides.wallet.promises import MAX_PROMISE_MS, add_promise, full_promises, promises
from bonafides.wallet.receipts import add_receipt, pin_broker, receipts
from bonafides.wallet.sign import sign_draft
from evidence.documents.promise import promise_body, sign_promise
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.uuid7 import uuid7
from tests.unit.bonafides.conftest import BROKER, NOW, PASSWORD, PID, draft
from tests.unit.bonafides.test_wallet_receipts import KEY, SEED, receipt_of


def promise_of(seed=SEED, **changes):
    body = {
        "broker": BROKER,
        "subject": PID,
        "record_id": uuid7(NOW, bytes(10)),
        "fingerprint": tagged_sha256("a record"),
        "log_index": 7,
        "accepted_at": NOW,
        "anchor_by": NOW + 60_000,
        "block": 5,
        **changes,
    }
    return sign_promise(promise_body(**body), seed, f"{body['broker']}#signing")


ANOTHER = {"record_id": uuid7(NOW, bytes([1]) * 10), "fingerprint": tagged_sha256("another record")}


@pytest.fixture
def wallet(identities, identity):
    with identities.changing():
        pin_broker(identities, BROKER, KEY)
    return identities


def add(identities, promise):
    with identities.changing():
        return add_promise(identities, promise)


def in_order(made):
    return sorted(made, key=canonical_json)


def test_a_promise_is_kept_before_there_is_a_receipt(wallet):
    promise = promise_of()
    answer = add(wallet, promise)
    assert (answer["status"], answer["log_index"], answer["receipt"]) == ("kept", 7, False)
    assert add(wallet, promise) == answer
    assert promises(wallet) == promises(wallet, without_receipt=True) == [answer]
    assert full_promises(wallet) == [promise]


def test_the_list_says_which_promise_has_a_receipt(wallet):
    with wallet.changing():
        signed = sign_draft(wallet, draft(), now_ms=NOW, show=lambda *_: True)
    receipt = receipt_of(signed)
    add(wallet, receipt["promise"])
    add(wallet, promise_of(**ANOTHER))
    with wallet.changing():
        add_receipt(wallet, receipt)
    assert [entry["receipt"] for entry in promises(wallet)] == [True, False]
    assert [entry["log_index"] for entry in promises(wallet, without_receipt=True)] == [7]
    assert len(full_promises(wallet, without_receipt=True)) == 1


@pytest.mark.parametrize("changes", [{"log_index": 8}, {"anchor_by": NOW + 90_000}, ANOTHER])
def test_a_contradicting_promise_is_kept_beside_the_first(wallet, changes):
    first, second = promise_of(), promise_of(**changes)
    add(wallet, first)
    answer = add(wallet, second)
    assert answer["status"] == "contradiction"
    assert answer["contradicts"] == [{name: first[name] for name in answer["contradicts"][0]}]
    assert in_order(full_promises(wallet)) == in_order([first, second])
    assert add(wallet, first)["status"] == "kept"


def test_a_promise_that_contradicts_a_receipt_is_found(wallet):
    with wallet.changing():
        signed = sign_draft(wallet, draft(), now_ms=NOW, show=lambda *_: True)
        receipt = receipt_of(signed)
        add_receipt(wallet, receipt)
    promise = receipt["promise"]
    for changes in ({"record_id": promise["record_id"]}, {**ANOTHER, "log_index": promise["log_index"]}):
        assert add(wallet, promise_of(**changes))["status"] == "contradiction"
    assert len(full_promises(wallet)) == 2


def test_a_receipt_that_contradicts_a_promise_is_refused_and_its_promise_kept(wallet):
    with wallet.changing():
        signed = sign_draft(wallet, draft(), now_ms=NOW, show=lambda *_: True)
    receipt = receipt_of(signed)
    first = promise_of(record_id=receipt["promise"]["record_id"])
    add(wallet, first)
    with wallet.changing(), pytest.raises(VerificationFailed) as caught:
        add_receipt(wallet, receipt)
    assert caught.value.check == "contradiction"
    assert receipts(wallet) == []
    assert in_order(full_promises(wallet)) == in_order([first, receipt["promise"]])


def test_a_time_far_ahead_is_no_promise(wallet):
    assert add(wallet, promise_of(anchor_by=NOW + MAX_PROMISE_MS))["status"] == "kept"
    with pytest.raises(Refused) as caught:
        add(wallet, promise_of(**ANOTHER, log_index=8, anchor_by=NOW + MAX_PROMISE_MS + 1))
    assert caught.value.code == "wallet-promise-far"
    assert len(promises(wallet)) == 1


def test_only_the_brokers_promises_about_this_client_are_kept(wallet):
    with pytest.raises(VerificationFailed) as forged:
        add(wallet, promise_of(seed=tagged_sha256("another seed")))
    assert forged.value.check == "promise-signature"
    with pytest.raises(Refused) as foreign:
        add(wallet, promise_of(subject="6b" * 32))
    assert foreign.value.code == "wallet-foreign"
    with pytest.raises(Refused):
        add(wallet, promise_of(broker=BROKER[:-2] + "00"))
    for value in (None, {}, {**promise_of(), "more": 1}):
        with pytest.raises(InvalidInput):
            add(wallet, value)
    assert promises(wallet) == []


def test_without_a_pinned_key_nothing_is_kept(identities, identity):
    with pytest.raises(Refused) as caught:
        add(identities, promise_of())
    assert caught.value.code == "wallet-broker-unknown"


def test_the_commands_keep_and_list(wallet, store, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BONAFIDES_WALLET_PASSWORD", PASSWORD)
    owed = {"status": "accepted", "record_id": "r-1", "promise": None, "promise_owed": "chain-silent", "findings": []}
    rows = [{"status": "accepted", "promise": promise_of()}, promise_of(**ANOTHER), {"no": "promise"}, owed]
    (tmp_path / "in").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["wallet", "promises", *map(str, words), "--wallet", str(tmp_path / "wallet")])
        out, run.err = capsys.readouterr()
        return ended.value.code, [json.loads(line) for line in out.splitlines()]

    status, lines = run("add", "--file", tmp_path / "in")
    assert (status, [line["status"] for line in lines]) == (1, ["kept", "contradiction", "refused", "owed"])
    assert "error: contradiction" in run.err
    assert lines[-1] == {"status": "owed", "record_id": "r-1"}
    assert run("list") == (0, promises(wallet))
    assert run("list", "--full", "--without-receipt") == (0, full_promises(wallet))
