"""`bonafides convict`: each kind of document, by the broker's keys and by others."""

import json

import pytest

from bonafides.cli.main import main
from bonafides.wallet.convictions import convictions
from bonafides.wallet.promises import add_promise
from bonafides.wallet.receipts import add_receipt
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.suites import SUITES
from tests.unit.bonafides.conftest import BROKER, PASSWORD
from tests.unit.bonafides.test_wallet_receipts import roll_back

OF_SM2 = SUITES["sm3-sm2/1"].public_key(tagged_sha256("sm")).hex()
STRANGER = ed25519.public_key(tagged_sha256("a stranger")).hex()


@pytest.fixture
def run(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        call.out, call.err = capsys.readouterr()
        return ended.value.code

    return call


@pytest.fixture
def files(identities, house, run, tmp_path, monkeypatch):
    """A file with each kind of document, as the wallet writes them; by format."""
    monkeypatch.setenv("BONAFIDES_WALLET_PASSWORD", PASSWORD)
    house.record()
    house.record()
    house.anchor()
    fork = house.fork()
    with identities.changing():
        for seq in (1, 2, 3):
            add_receipt(identities, house.receipt(seq))
        add_promise(identities, house.promised(3, entry=bytes(32)))
    fork.others("another")
    roll_back(house, 2)
    fork.anchor()
    with identities.changing():
        add_receipt(identities, house.receipt(2))
        add_receipt(identities, house.receipt(1))
        add_receipt(identities, fork.receipt(1))
    assert run("wallet", "contradictions", "--wallet", tmp_path / "wallet", "--documents", tmp_path / "found") == 1
    lines = [json.loads(line) for line in run.out.splitlines()]
    assert len(lines) == len(convictions(identities)) == 3
    return {line["format"]: line["document"] for line in lines}


KINDS = ("bonafides.promise-contradiction/2", "bonafides.rollback/2", "bonafides.equivocation/2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_convicts_by_the_brokers_keys_alone(run, files, house, kind):
    signing = house.keys.signing.hex()
    assert run("convict", files[kind], "--key", signing) == 0
    assert run.out.startswith(f"convicted {BROKER}: the broker ")
    assert run("convict", files[kind], "--key", STRANGER, "--key", signing, "--json") == 0
    assert json.loads(run.out)["broker"] == BROKER
    assert run("convict", files[kind], "--key", STRANGER) == 1
    assert run("convict", files[kind], "--key", STRANGER, "--checkpoint-key", signing) == (kind == KINDS[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_that_was_changed_convicts_nobody(run, files, house, tmp_path, kind):
    with open(files[kind], encoding="utf-8") as stream:
        document = json.load(stream)
    first, second = ("earlier", "later") if "later" in document else ("first", "second")
    changed = {**document, second: document[first]}
    (tmp_path / "changed").write_bytes(canonical_json(changed))
    assert run("convict", tmp_path / "changed", "--key", house.keys.signing.hex()) == 1


def test_what_is_no_such_document_is_told(run, tmp_path):
    for text in ("{}", "[]", "no", '{"format": "bonafides.rollback/2"}'):
        (tmp_path / "none").write_text(text, encoding="utf-8")
        assert run("convict", tmp_path / "none", "--key", STRANGER) == 2
        assert run.err.startswith("error: ")
    assert run("convict", tmp_path / "missing", "--key", STRANGER) == 2
    (tmp_path / "none").write_text("{}", encoding="utf-8")
    assert run("convict", tmp_path / "none", "--key", "00") == 2


def test_a_members_node_records_what_it_verifies_itself(run, files, monkeypatch):
    """With a key the command verifies it first; without one it is the node's word."""
    brought = []

    class Node:
        def __init__(self, url):
            self.url = url

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def convict(self, document):
            brought.append((self.url, document))
            recorded = [{"member": "did:ethr:0x1", "block": 7}] if len(brought) > 1 else []
            return {"digest": "ab" * 32, "recorded": recorded}

    monkeypatch.setattr("bonafides.cli.convict.Client", Node)
    file = files[KINDS[1]]
    assert run("convict", file, "--record", "http://regulator.example") == 0
    told = run.out.splitlines()
    assert told[0].startswith(f"convicted {BROKER}: the broker signed for a map")
    assert told[1] == f"kept by http://regulator.example under {'ab' * 32}; on the chain: the call is on its way"
    with open(file, encoding="utf-8") as stream:
        assert brought == [("http://regulator.example", json.load(stream))]
    assert run("convict", file, "--record", "http://regulator.example") == 0
    assert run.out.splitlines()[1].endswith("on the chain: did:ethr:0x1 in block 7")
    assert run("convict", file, "--record", "http://regulator.example", "--key", STRANGER) == 1
    assert len(brought) == 2, "what it does not believe itself it brings nowhere"
    assert run("convict", file) == 2
    assert run.err.startswith("error: invalid-input key required")


def test_a_broker_of_another_suite_has_a_key_of_promises_and_one_of_checkpoints(run, files, house):
    """The key of SM2 is taken as any; it signs no checkpoint, whose key is asked for where the document needs it."""
    promises, *of_logs = (files[kind] for kind in KINDS)
    assert run("convict", promises, "--key", OF_SM2) == 1
    assert run("convict", promises, "--key", OF_SM2, "--key", house.keys.signing.hex()) == 0
    for file in of_logs:
        assert run("convict", file, "--key", OF_SM2) == 2
        assert run.err.startswith("error: invalid-input checkpoint_key required")
        assert run("convict", file, "--key", OF_SM2, "--checkpoint-key", STRANGER) == 1
        assert run("convict", file, "--key", OF_SM2, "--checkpoint-key", house.keys.checkpoint.hex()) == 0
