import copy
import hashlib
import json

import pytest
from eth_account import Account

from node_adapter.keys.keyfile import decrypt_key, encrypt_key
from primitives.errors import InvalidInput, Refused

KEY = hashlib.sha256(b"test key: keyfile").digest()
PASSWORD = "a test password"
N = 2**4  # the cost is no matter here


def entropy(size):
    return hashlib.sha256(b"test entropy: keyfile").digest()[:size]


FILE = encrypt_key(KEY, PASSWORD, n=N, entropy=entropy)


def test_another_wallet_reads_our_file_and_we_read_its():
    assert bytes(Account.decrypt(json.loads(json.dumps(FILE)), PASSWORD)) == KEY
    theirs = Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=N)
    assert decrypt_key(theirs, PASSWORD) == KEY
    assert decrypt_key(FILE, PASSWORD) == KEY
    assert set(FILE) == set(theirs)
    assert set(FILE["crypto"]) == set(theirs["crypto"])


def test_a_wrong_password_is_refused_without_saying_it():
    with pytest.raises(Refused) as caught:
        decrypt_key(FILE, "another password")
    assert caught.value.code == "keystore-password"
    assert "another password" not in str(caught.value)


@pytest.mark.parametrize("path", ["ciphertext", "mac", "kdfparams.salt"])
def test_an_altered_file_does_not_open(path):
    changed = copy.deepcopy(FILE)
    *parents, name = ["crypto", *path.split(".")]
    place = changed
    for parent in parents:
        place = place[parent]
    place[name] = ("1" if place[name][0] == "0" else "0") + place[name][1:]
    with pytest.raises(Refused):
        decrypt_key(changed, PASSWORD)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 4),
        ("crypto", None),
        ("crypto.cipher", "aes-256-ctr"),
        ("crypto.cipherparams", []),
        ("crypto.cipherparams.iv", "00"),
        ("crypto.ciphertext", "00"),
        ("crypto.ciphertext", 7),
        ("crypto.kdf", "pbkdf2"),
        ("crypto.kdfparams", None),
        ("crypto.kdfparams.dklen", 16),
        ("crypto.kdfparams.n", True),
        ("crypto.kdfparams.n", 3),
        ("crypto.kdfparams.n", 0),
        ("crypto.kdfparams.n", 2**30),
        ("crypto.kdfparams.r", 10**6),
        ("crypto.kdfparams.salt", "zz"),
        ("crypto.mac", "0xff"),
    ],
)
def test_a_file_of_another_form_names_its_field(path, value):
    changed = copy.deepcopy(FILE)
    *parents, name = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    place[name] = value
    with pytest.raises(InvalidInput) as caught:
        decrypt_key(changed, PASSWORD)
    assert caught.value.field.startswith("keystore.sender")
