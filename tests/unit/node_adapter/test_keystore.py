import json
import stat
import time

import pytest
from eth_account import Account

from node_adapter.keys import keystore as module
from node_adapter.keys.keystore import Keystore, read_password
from primitives import ed25519
from primitives.digest import tagged_sha256
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.suites import SUITES, sm3_sm2

SM = SUITES["sm3-sm2/1"]
PASSWORD = "a test password"


def entropy_from(seed):
    counter = iter(range(10**6))
    return lambda size: tagged_sha256("test keystore", seed, next(counter).to_bytes(4))[:size]


@pytest.fixture(scope="module")
def keys():
    return Keystore.generate(entropy_from(b"keystore"))


@pytest.fixture
def home(tmp_path, keys):
    keys.save(tmp_path / "keystore", PASSWORD)
    return tmp_path / "keystore"


def test_what_is_saved_is_opened_and_fast(home, keys):
    start = time.perf_counter()
    assert Keystore.open(home, PASSWORD) == keys
    assert time.perf_counter() - start < 5  # under a second on an idle machine


def test_files_are_private_and_hold_no_key_in_the_clear(home, keys):
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    text = ""
    for file in home.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        text += file.read_text(encoding="utf-8")
    newest = keys.newest
    for secret in (keys.signer().private_key, newest.signing_seed, newest.agreement_key, newest.compliance_key):
        assert secret.hex() not in text
        assert secret.hex() not in repr(keys)
        assert secret.hex() not in repr(newest)
        assert secret.hex() not in repr(keys.signer())


def test_a_wrong_password_is_a_typed_error_that_says_no_secret(home):
    with pytest.raises(Refused) as caught:
        Keystore.open(home, "another password")
    assert caught.value.code == "keystore-password"
    assert "another password" not in str(caught.value)


def test_keys_are_never_overwritten(home, keys):
    with pytest.raises(Refused) as caught:
        keys.save(home, PASSWORD)
    assert caught.value.code == "keystore-exists"


def test_an_empty_password_seals_nothing(tmp_path, keys):
    with pytest.raises(InvalidInput):
        keys.save(tmp_path / "k", "")


def test_an_exchanged_public_key_is_found(home, keys):
    file = home / module.KEYS_FILE
    sealed = json.loads(file.read_text(encoding="utf-8"))
    sealed["public"]["signing"] = "00" * 32
    file.write_text(json.dumps(sealed), encoding="utf-8")
    with pytest.raises(Refused):
        Keystore.open(home, PASSWORD)


def test_the_files_of_two_keystores_do_not_mix(home, tmp_path):
    other = Keystore.generate(entropy_from(b"other"))
    other.save(tmp_path / "other", PASSWORD)
    (home / module.SENDER_FILE).write_bytes((tmp_path / "other" / module.SENDER_FILE).read_bytes())
    with pytest.raises(InvalidInput) as caught:
        Keystore.open(home, PASSWORD)
    assert caught.value.field == "keystore.public"


@pytest.mark.parametrize(
    ("file", "change", "field"),
    [
        ("keys.json", {"format": "x"}, "keystore.format"),
        ("keys.json", {"kdf": None}, "keystore"),
        ("keys.json", {"kdf": {"n": 2**30, "salt": "00" * 16}}, "keystore.kdf.n"),
        ("keys.json", {"kdf": {"n": 2, "salt": "00" * 16}}, "keystore.kdf.n"),
        ("sender.json", {"crypto": None}, "keystore.sender"),
        ("sender.json", {"version": 9}, "keystore.sender"),
    ],
)
def test_a_damaged_file_names_its_field(home, file, change, field):
    content = json.loads((home / file).read_text(encoding="utf-8"))
    content.update(change)
    (home / file).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        Keystore.open(home, PASSWORD)
    assert caught.value.field == field


def test_a_missing_keystore_could_not_be_checked(tmp_path):
    with pytest.raises(CouldNotCheck) as caught:
        Keystore.open(tmp_path, PASSWORD)
    assert caught.value.code == "keystore-unreadable"


def test_the_public_keys_are_those_of_the_private_ones(keys):
    assert keys.address == Account.from_key(keys.signer().private_key).address.lower()
    ed25519.verify(keys.newest.checkpoint_public, b"message", keys.newest.sign_ed25519(b"message"))
    assert keys.newest.checkpoint_public == keys.signing_public


def test_keys_of_another_suite_are_sealed_and_opened_with_it(tmp_path):
    keys = Keystore.generate(entropy_from(b"keystore of SM"), SM)
    keys.save(tmp_path / "sm", PASSWORD)
    opened = Keystore.open(tmp_path / "sm", PASSWORD)
    assert (opened, opened.suite, opened.newest.suite) == (keys, SM, SM)
    held = opened.newest.registered
    assert (held.algorithm, len(held.signing), len(held.checkpoint)) == (2, 65, 32)
    SM.verify(held.signing, b"message", SM.sign(keys.newest.signing_seed, b"message"))
    ed25519.verify(held.checkpoint, b"message", opened.newest.sign_ed25519(b"message"))
    file = json.loads((tmp_path / "sm" / "keys.json").read_text("utf-8"))
    assert (file["format"], file["public"]["suite"]) == ("bonafides.keystore/2", "sm3-sm2/1")
    assert file["public"] == opened.public_json()
    for secret in (keys.newest.signing_seed, keys.newest.checkpoint_seed):
        assert secret.hex() not in json.dumps(file)


def test_the_suite_of_a_keystore_cannot_be_edited(tmp_path):
    Keystore.generate(entropy_from(b"keystore of SM"), SM).save(tmp_path / "sm", PASSWORD)
    file = tmp_path / "sm" / "keys.json"
    kept = json.loads(file.read_text("utf-8"))
    own = {name: kept["public"][name] for name in ("address", "signing", "agreement", "compliance")}
    for change in (
        {"public": {**kept["public"], "suite": "sha256-ed25519/1"}},
        {"format": "bonafides.keystore/1", "public": own},
        {"format": "bonafides.keystore/1"},
    ):
        file.write_text(json.dumps({**kept, **change}), encoding="utf-8")
        with pytest.raises(Refused) as caught:
            Keystore.open(tmp_path / "sm", PASSWORD)
        assert caught.value.code == "keystore-password"
    file.write_text(json.dumps({**kept, "format": "bonafides.keystore/3"}), encoding="utf-8")
    with pytest.raises(InvalidInput):
        Keystore.open(tmp_path / "sm", PASSWORD)


def test_where_the_suites_library_is_missing_no_key_is_made(monkeypatch):
    monkeypatch.setattr(sm3_sm2, "ec", None)
    with pytest.raises(CouldNotCheck) as caught:
        Keystore.generate(entropy_from(b"no library"), SM)
    assert caught.value.code == "suite-not-installed"


def test_the_signer_signs_for_the_members_account(home, keys):
    signer = Keystore.open(home, PASSWORD).signer()
    transaction = {
        "nonce": 0,
        "gas": 21000,
        "gasPrice": 0,
        "to": b"\x11" * 20,
        "value": 0,
        "data": b"",
        "chainId": 1,
    }
    raw, _ = signer.sign_transaction(transaction)
    assert Account.recover_transaction(raw).lower() == signer.address == keys.address


def test_the_password_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv(module.PASSWORD_VARIABLE, raising=False)
    with pytest.raises(InvalidInput):
        read_password()
    monkeypatch.setenv(module.PASSWORD_VARIABLE, "from the environment")
    assert read_password() == "from the environment"
    file = tmp_path / "password"
    file.write_text("from a file\nnot this\n", encoding="utf-8")
    assert read_password(file=file) == "from a file"
    with pytest.raises(CouldNotCheck):
        read_password(file=tmp_path / "none")
