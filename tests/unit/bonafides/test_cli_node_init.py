"""`bonafides node init`: what it prints is what founders and applicants hand in, under either suite."""

import json

import pytest

from bonafides.cli.main import main
from bonafides.cli.support.founder import read_founder
from node_adapter.chain.abi import encode_call
from node_adapter.keys.keystore import PASSWORD_VARIABLE, Keystore
from primitives.errors import InvalidInput
from primitives.suites import sm3_sm2
from tests.world.keys import both_suites

WORDS = ("--name", "Broker A", "--role", "broker")


@pytest.fixture
def init(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(PASSWORD_VARIABLE, "a password of the tests")

    def run(*words, status=0):
        with pytest.raises(SystemExit) as ended:
            main(["node", "init", str(tmp_path / "a"), *WORDS, *words])
        out, err = capsys.readouterr()
        assert ended.value.code == status, err
        return json.loads(out) if out else err

    return run


@both_suites
def test_what_is_printed_is_read_as_a_founder_with_the_keys_of_its_suite(init, tmp_path, suite):
    printed = init("--suite", suite.name)
    held = Keystore.open(tmp_path / "a" / "keystore", "a password of the tests")
    founder = read_founder(printed)
    assert (founder.address, founder.keys) == (held.address, held.newest.registered)
    assert founder.keys.algorithm == suite.algorithm
    encode_call("MemberRegistry", "proposeAdmission", bytes(32), *founder.to_abi())
    keys = printed["member"]["keys"]
    assert ("suite" in keys, "checkpoint" in keys) == ((suite.algorithm != 1,) * 2)
    for change in ({"suite": "sm3-sm2/2"}, {"signing": keys["signing"][2:]}, {"checkpoint": "00"}):
        with pytest.raises(InvalidInput):
            read_founder({**printed["member"], "keys": {**keys, **change}})
    if "checkpoint" in keys:
        del keys["checkpoint"]
        with pytest.raises(InvalidInput):
            read_founder(printed)


def test_without_the_library_of_the_suite_nothing_is_made(init, tmp_path, monkeypatch):
    monkeypatch.setattr(sm3_sm2, "ec", None)
    assert "suite-not-installed" in init("--suite", "sm3-sm2/1", status=2)
    assert not (tmp_path / "a").exists()
    assert init("--suite", "another", status=2)
