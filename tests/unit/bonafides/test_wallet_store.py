import stat

import pytest

from bonafides.wallet.store import DATABASE_FILE, HEAD_FILE, WalletStore
from primitives.errors import CouldNotCheck, InvalidInput, Refused

PASSWORD = "a test password"


def write(store, value, *name):
    with store.transaction():
        store.put(value, *name)


def test_what_is_put_is_got_after_reopening(store, tmp_path):
    write(store, {"n": 1}, "kind", "a", "b")
    store.close()
    again = WalletStore.open(tmp_path / "wallet", PASSWORD)
    assert again.get("kind", "a", "b") == {"n": 1}
    assert again.get("kind", "ab") is None
    assert again.all("kind") == [{"n": 1}]
    again.close()


def test_nothing_is_in_the_clear_and_nothing_is_open_to_others(store, tmp_path):
    write(store, {"secret": "Zhang San 110101"}, "kind", "client-reference")
    store.close()
    directory = tmp_path / "wallet"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    content = b""
    for file in directory.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
        content += file.read_bytes()
    for word in (b"Zhang", b"110101", b"client-reference", PASSWORD.encode()):
        assert word not in content


def test_a_wrong_password_is_refused(store, tmp_path):
    with pytest.raises(Refused) as caught:
        WalletStore.open(tmp_path / "wallet", "another")
    assert caught.value.code == "wallet-password"


def test_a_directory_that_others_may_enter_is_refused(store, tmp_path):
    (tmp_path / "wallet").chmod(0o755)
    with pytest.raises(Refused) as caught:
        WalletStore.open(tmp_path / "wallet", PASSWORD)
    assert caught.value.code == "wallet-permissions"


def test_a_wallet_is_made_once_and_not_without_a_password(store, tmp_path):
    with pytest.raises(Refused) as caught:
        WalletStore.create(tmp_path / "wallet", PASSWORD)
    assert caught.value.code == "wallet-exists"
    with pytest.raises(InvalidInput):
        WalletStore.create(tmp_path / "other", "")
    with pytest.raises(CouldNotCheck) as missing:
        WalletStore.open(tmp_path / "none", PASSWORD)
    assert missing.value.code == "wallet-missing"


def test_a_foreign_or_hostile_head_is_refused(store, tmp_path):
    head = tmp_path / "wallet" / HEAD_FILE
    text = head.read_text(encoding="utf-8")
    for broken in ("{}", text.replace("32768", "1073741824"), text.replace('"kdf"', '"x"'), "[", text[:-9]):
        head.write_text(broken, encoding="utf-8")
        with pytest.raises(InvalidInput):
            WalletStore.open(tmp_path / "wallet", PASSWORD)


def test_an_entry_that_was_moved_is_found(store):
    write(store, "one", "kind", "1")
    write(store, "two", "kind", "2")
    first, second = (store._identifier("kind", (name,)) for name in ("1", "2"))
    store._connection.execute(
        "update item set sealed = (select sealed from item where id = ?) where id = ?", (first, second)
    )
    assert store.get("kind", "1") == "one"
    with pytest.raises(InvalidInput) as caught:
        store.get("kind", "2")
    assert caught.value.rule == "sealed"


def test_a_failed_transaction_leaves_nothing(store):
    def fail():
        with store.transaction():
            store.put(1, "kind", "x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.get("kind", "x") is None


def test_a_file_that_is_no_database_could_not_be_checked(store, tmp_path):
    store.close()
    for file in (tmp_path / "wallet").glob(f"{DATABASE_FILE}*"):
        file.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(CouldNotCheck):
        WalletStore.open(tmp_path / "wallet", PASSWORD)
