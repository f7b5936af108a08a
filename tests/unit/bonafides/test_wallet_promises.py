import json
from dataclasses import replace

import pytest

from bonafides.cli.main import main
from bonafides.wallet.convictions import convictions, keep_convictions
from bonafides.wallet.keys import bind, new_identity
from bonafides.wallet.pinned import as_json, pin_broker
from bonafides.wallet.promises import add_promise, full_promises, promises
from bonafides.wallet.receipts import add_receipt
from evidence.version2.documents.contradiction import CONTRADICTION, PromiseContradiction, verify_contradiction
from evidence.version2.promise import parse_promise, sign_promises
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.suites import SUITES
from tests.unit.bonafides.conftest import BROKER, NETWORK, PASSWORD
from tests.unit.bonafides.house import House

OTHER = bytes(31) + b"\1"
ANOTHER_RECORD = {"record_id": "019aa3b1-5c10-7000-8000-00000000ffff", "fingerprint": OTHER, "entry": OTHER}


ALL_OTHER = {**ANOTHER_RECORD, "label": OTHER, "seq": 7, "log_index": 99}
ALL_OTHER.pop("entry")  # of a record of another link it is another one, whatever the promise says


def add(identities, promise):
    with identities.changing():
        return add_promise(identities, promise)


def in_order(made):
    return sorted(made, key=canonical_json)


def convicted(identities, house):
    """Return the kept documents, each verified by the broker's key alone, as a stranger would."""
    documents = [entry["document"] for entry in convictions(identities)]
    for document in documents:
        verify_contradiction(CONTRADICTION.read(document, "claim"), house.keys.signing)
    return documents


def test_a_promise_is_kept_before_there_is_a_receipt(identities, house):
    promise = house.promise()
    answer = add(identities, promise)
    assert (answer["status"], answer["seq"], answer["log_index"], answer["receipt"]) == ("kept", 1, 0, False)
    assert add(identities, promise) == answer
    assert promises(identities) == promises(identities, without_receipt=True) == [answer]
    assert full_promises(identities) == [promise]


def test_the_list_says_which_promise_has_a_receipt(identities, house):
    house.record()
    house.anchor()
    house.record()
    for seq in (1, 2, 3):
        add(identities, house.promise(seq))
    with identities.changing():
        add_receipt(identities, house.receipt(2))
    assert [(entry["seq"], entry["receipt"]) for entry in promises(identities)] == [(1, False), (2, True), (3, False)]
    assert [entry["seq"] for entry in promises(identities, without_receipt=True)] == [1, 3]
    assert len(full_promises(identities, without_receipt=True)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"entry": OTHER},
        {"recorded_at": 1_795_224_000_001},
        *({name: value for name, value in ALL_OTHER.items() if name != shared} for shared in ALL_OTHER),
    ],
    ids=["its entry", "its time", *(f"the same {shared}, and nothing else" for shared in ALL_OTHER)],
)
def test_a_contradicting_promise_is_kept_beside_the_first_and_convicts(identities, house, changes):
    house.record()
    first, second = house.promise(), house.promised(**changes)
    add(identities, first)
    answer = add(identities, second)
    assert answer["status"] == "contradiction"
    assert [told["format"] for told in answer["convictions"]] == ["bonafides.promise-contradiction/2"]
    assert in_order(full_promises(identities)) == in_order([first, second])
    [document] = convicted(identities, house)
    assert in_order([document["first"], document["second"]]) == in_order([first, second])
    assert add(identities, second)["status"] == "contradiction"
    assert convicted(identities, house) == [document]  # of one matter there is one document


def test_a_document_that_convicts_nobody_is_not_kept(identities, house):
    promise = house.promise()
    with identities.changing(), pytest.raises(VerificationFailed, match="both promises may be true"):
        keep_convictions(identities, [PromiseContradiction(BROKER, promise, promise)])
    assert convictions(identities) == []


def test_a_record_that_is_promised_anew_after_a_wrong_anchor_convicts_nobody(identities, house):
    house.record()
    first, again = house.promise(), house.promised(log_index=99)
    assert add(identities, first)["status"] == add(identities, again)["status"] == "kept"
    assert in_order(full_promises(identities)) == in_order([first, again])  # each is judged alone


def test_two_clients_of_one_wallet_are_not_promised_one_place(identities, house):
    other = bytes(31) + b"\2"
    with identities.changing():
        made = new_identity(identities, client_ref="c-2", broker=BROKER, network=NETWORK)
        bind(identities, made.did, other.hex())
    house.record()
    add(identities, house.promise())
    taken = house.promised(subject=other, label=OTHER, **ANOTHER_RECORD)
    assert add(identities, taken)["status"] == "contradiction"
    convicted(identities, house)


def test_a_promise_that_contradicts_a_receipt_is_found(identities, house):
    house.record()
    house.anchor()
    with identities.changing():
        add_receipt(identities, house.receipt())
    assert add(identities, house.promised(**ANOTHER_RECORD))["status"] == "contradiction"
    assert len(full_promises(identities)) == 2


def test_a_promise_for_a_label_that_the_record_before_does_not_name_is_found(identities, house):
    house.record()
    house.anchor()
    with identities.changing():
        add_receipt(identities, house.receipt(2))
    house.record()
    answer = add(identities, house.promised(label=OTHER))
    assert answer["status"] == "contradiction"
    [document] = convicted(identities, house)
    assert document["link"]["seq"] == 2


def test_record_1_is_promised_under_the_label_of_its_subject(identities, house):
    with pytest.raises(VerificationFailed) as caught:
        add(identities, house.promised(label=OTHER))
    assert caught.value.check == "promise"


def test_only_the_brokers_promises_about_this_client_are_kept(identities, house):
    honest, _ = parse_promise(house.promise())
    [forged] = sign_promises([honest], tagged_sha256("another seed"))
    with pytest.raises(VerificationFailed) as caught:
        add(identities, forged)
    assert caught.value.check == "promise"
    elsewhere = replace(honest, subject=OTHER)
    [foreign] = sign_promises([elsewhere], house.broker.member.secret)
    with pytest.raises(Refused) as refused:
        add(identities, foreign)
    assert refused.value.code == "wallet-foreign"
    for value in (None, {}, {**house.promise(), "more": 1}, {**house.promise(), "format": "bonafides.promise/1"}):
        with pytest.raises(InvalidInput):
            add(identities, value)
    with pytest.raises(VerificationFailed):
        add(identities, {**house.promise(), "batch": {"index": 0, "count": 2, "path": ""}})
    assert promises(identities) == []


def test_a_promise_under_the_brokers_next_key_is_taken_once_that_is_pinned(identities, house):
    house.broker.rotate()
    house.record()
    with pytest.raises(VerificationFailed):
        add(identities, house.promise())
    with identities.changing():
        pin_broker(identities, house.broker.did, house.keys.signing.hex(), successor=True)
    assert [add(identities, house.promise(seq))["status"] for seq in (2, 1)] == ["kept", "kept"]


def test_without_a_pinned_key_nothing_is_kept(identities, identity, opening):
    made = House(identity)
    made.act(opening)
    with pytest.raises(Refused) as caught:
        add(identities, made.promise())
    assert caught.value.code == "wallet-broker-unknown"


def test_a_brokers_keys_are_pinned_once(identities, house):
    signing, other = house.keys.signing.hex(), ed25519.public_key(tagged_sha256("another")).hex()
    with identities.changing():
        assert pin_broker(identities, house.broker.did, signing) == [house.keys]
        for changed in ((other, None), (signing, other)):
            with pytest.raises(Refused) as caught:
                pin_broker(identities, house.broker.did, *changed)
            assert caught.value.code == "wallet-broker-key"
        pinned = pin_broker(identities, house.broker.did, other, signing, successor=True)
        assert [as_json(pair) for pair in pinned] == [
            {"signing": signing, "checkpoint": signing},
            {"signing": other, "checkpoint": signing},
        ]


def test_a_broker_of_another_suite_is_pinned_with_both_keys(identities, identity):
    suite = SUITES["sm3-sm2/1"]
    signing, notes = suite.public_key(tagged_sha256("sm")).hex(), ed25519.public_key(tagged_sha256("notes")).hex()
    with identities.changing():
        for given, field, rule in (
            ((signing, None), "checkpoint_key", "required"),
            ((signing, signing), "checkpoint_key", "length"),
            ((signing[:-2], notes), "broker_key", "length"),
        ):
            with pytest.raises(InvalidInput) as caught:
                pin_broker(identities, "did:ethr:0x1:0x" + "ab" * 20, *given)
            assert (caught.value.field, caught.value.rule) == (field, rule)
        [pair] = pin_broker(identities, "did:ethr:0x1:0x" + "ab" * 20, signing, notes)
        assert as_json(pair) == {"signing": signing, "checkpoint": notes}


@pytest.mark.parametrize("several", [False, True])
def test_keys_that_an_earlier_version_pinned_sign_promises_and_checkpoints(identities, house, several):
    signing = house.keys.signing.hex()
    with identities.changing():
        identities.store.put(["00" * 32, signing] if several else signing, "broker", house.broker.did)
    assert add(identities, house.promise())["status"] == "kept"
    house.anchor()
    with identities.changing():
        assert add_receipt(identities, house.receipt())["status"] == "verified"


@pytest.mark.parametrize(("what", "kind"), [("promise", "kept-promise"), ("receipt", "receipt")])
def test_what_an_earlier_version_kept_is_listed_apart(identities, house, tmp_path, capsys, monkeypatch, what, kind):
    monkeypatch.setenv("BONAFIDES_WALLET_PASSWORD", PASSWORD)
    earlier = [{"format": f"bonafides.{what}/1", "log_index": number} for number in (1, 2)]
    with identities.changing():
        for one in earlier:
            identities.store.put({what: one, "did": "d"}, kind, BROKER, str(one["log_index"]))
    add(identities, house.promise())
    for words, expected in (((), []), (("--full",), []), (("--format-1",), earlier)):
        with pytest.raises(SystemExit) as ended:
            main(["wallet", f"{what}s", "list", "--wallet", str(tmp_path / "wallet"), *words])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert ended.value.code == 0
        assert [line for line in lines if line.get("format") == f"bonafides.{what}/1"] == expected
        assert (lines == expected) == (what == "receipt" or words == ("--format-1",))


def test_the_commands_keep_list_and_tell(identities, house, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BONAFIDES_WALLET_PASSWORD", PASSWORD)
    house.record()
    owed = {"status": "accepted", "record_id": "r-1", "promise": None, "promise_owed": "chain-silent", "findings": []}
    rows = [{"status": "accepted", "promise": house.promise()}, house.promised(**ANOTHER_RECORD), {"no": "promise"}]
    rows.append(owed)
    (tmp_path / "in").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["wallet", *map(str, words), "--wallet", str(tmp_path / "wallet")])
        out, run.err = capsys.readouterr()
        return ended.value.code, [json.loads(line) for line in out.splitlines()]

    assert run("contradictions") == (0, [])
    status, lines = run("promises", "add", "--file", tmp_path / "in")
    assert (status, [line["status"] for line in lines]) == (1, ["kept", "contradiction", "refused", "owed"])
    assert "error: contradiction record " in run.err
    assert lines[-1] == {"status": "owed", "record_id": "r-1"}
    assert run("promises", "list") == (0, promises(identities))
    assert run("promises", "list", "--full", "--without-receipt") == (0, full_promises(identities))
    status, [document] = run("contradictions")
    assert (status, document) == (1, convictions(identities)[0])
    assert document["id"] == lines[1]["convictions"][0]["id"]
