"""A client whose broker's network was founded anew: the key is published there, the opening names what came before."""

import json

import pytest

from bonafides.cli.main import main
from bonafides.wallet.continuing import move_identity
from bonafides.wallet.keys import Network
from bonafides.wallet.rotation import learn, rotate
from bonafides.wallet.sign import open_history
from primitives.eip712 import ED25519_ATTRIBUTE, recover_typed, set_attribute_typed_data
from primitives.errors import InvalidInput, Refused
from tests.unit.bonafides.conftest import BROKER, CHAIN, NETWORK, NOW, PASSWORD, PID

NEW = Network(CHAIN, "0x" + "d2" * 20, "0x" + "c2" * 20)
CONTINUES = {"format": 1, "subject": PID, "count": 3, "head": "ab" * 32}


def agree(*_):
    return True


def kept_before(identities, *record_ids):
    """Promises of format 1 that the wallet of release 1 kept, two of one record among them."""
    with identities.changing():
        for number, record_id in enumerate(record_ids):
            promise = {"format": "bonafides.promise/1", "broker": BROKER, "subject": PID, "record_id": record_id}
            identities.store.put({"promise": promise, "did": "d"}, "kept-promise", BROKER, str(number))


def opened(identities, did, continues, show=agree):
    with identities.changing():
        return open_history(identities, did, now_ms=NOW, show=show, continues=continues)


def test_the_key_that_signs_now_is_published_in_the_new_registry(identities, bound):
    with identities.changing():
        _, calls = rotate(identities, bound.did, NOW)
        new = calls[0]["value"].removeprefix("0x")
        learn(identities, bound.did, {"block": 9, "keys": {f"{bound.did}#delegate-2": new}, "nonce": 3})
        asked = move_identity(identities, bound.did, NEW, NOW)
        again = move_identity(identities, bound.did, NEW, NOW + 1000)
    moved = identities.by_did(bound.did)
    assert (moved.network, moved.did, moved.subject, moved.nonce) == (NEW, bound.did, PID, 1)
    assert moved.key_id(moved.key) == f"{bound.did}#delegate-1"
    for body in (asked, again):
        stated = body["registration"]
        assert (body["client_ref"], body["did"], stated["signing_key"]) == ("c-1", bound.did, new)
        terms = (ED25519_ATTRIBUTE, bytes.fromhex(new), stated["validity"], 0, stated["deadline"])
        signature = bytes.fromhex(stated["signature"][2:])
        for registry, ours in ((NEW.did_registry, True), (NETWORK.did_registry, False)):
            typed = set_attribute_typed_data(CHAIN, registry, bound.address, *terms)
            assert (recover_typed(typed, signature) == bound.address) == ours


def test_a_network_on_another_chain_is_refused(identities, bound):
    with identities.changing(), pytest.raises(Refused) as caught:
        move_identity(identities, bound.did, Network(CHAIN + 1, NEW.did_registry, NEW.consent_registry), NOW)
    assert caught.value.code == "wallet-network"
    assert identities.by_did(bound.did).network == NETWORK


def test_the_opening_names_the_history_before(identities, bound):
    shown = []
    kept_before(identities, "r-1", "r-1", "r-2", "r-3")
    signed = opened(identities, bound.did, CONTINUES, lambda _who, what: shown.append(what.body) is None)
    assert signed["draft"]["fields"]["continues"] == CONTINUES
    assert "3 records" in shown[0]
    assert CONTINUES["head"] in shown[0]


@pytest.mark.parametrize(("seq", "fingerprint"), [(4, "ab" * 32), (3, "cd" * 32)])
def test_a_history_that_ends_otherwise_than_a_receipt_shows_is_not_signed(identities, bound, seq, fingerprint):
    for number, (place, print_) in enumerate([(1, "01" * 32), (3, "ab" * 32), (seq, fingerprint)]):
        promise = {"broker": BROKER, "subject": PID, "record_id": f"r-{number}", "fingerprint": print_}
        with identities.changing():
            kept = {"receipt": {"promise": promise, "record": {"envelope": {"seq": place}}}, "did": bound.did}
            identities.store.put(kept, "receipt", BROKER, f"r-{number}")
        if number < 2:
            continue
        with pytest.raises(Refused) as caught:
            opened(identities, bound.did, CONTINUES)
        assert caught.value.code == "wallet-continues"


@pytest.mark.parametrize("said", [None, {**CONTINUES, "count": 2}])
def test_a_history_that_leaves_out_what_the_wallet_holds_is_not_signed(identities, bound, said):
    kept_before(identities, "r-1", "r-2", "r-3")
    with pytest.raises(Refused) as caught:
        opened(identities, bound.did, said)
    assert caught.value.code == "wallet-continues"
    assert "3 records" in caught.value.detail


@pytest.mark.parametrize("change", [{"format": 2}, {"subject": "cd" * 32}])
def test_another_history_is_not_continued(identities, bound, change):
    with pytest.raises(Refused) as caught:
        opened(identities, bound.did, {**CONTINUES, **change})
    assert caught.value.code == "wallet-continues"


def test_what_is_no_history_is_told_by_field_and_rule(identities, bound):
    with pytest.raises(InvalidInput) as caught:
        opened(identities, bound.did, {**CONTINUES, "count": 0})
    assert caught.value.field == "continues.count"


def test_the_commands(identities, bound, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BONAFIDES_WALLET_PASSWORD", PASSWORD)
    network, rows = tmp_path / "network.json", tmp_path / "rows.ndjson"
    network.write_text(json.dumps(NEW.to_json()), "utf-8")
    row = {"kind": "client", "client_ref": "c-1", "did": bound.did, "lacks": ["key"], "continues": CONTINUES}
    rows.write_text(json.dumps(row) + "\n", "utf-8")

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["wallet", *map(str, words), "--wallet", str(tmp_path / "wallet"), "--file", str(rows)])
        assert ended.value.code == 0
        return json.loads(capsys.readouterr().out)

    assert run("move", "--network", network)["did"] == bound.did
    answer = run("open", "--yes")
    assert answer["draft"]["fields"]["continues"] == CONTINUES
    assert (answer["client_ref"], "continues" in answer) == ("c-1", False)
