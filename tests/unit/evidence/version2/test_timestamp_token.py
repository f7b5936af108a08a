"""RFC 3161 tokens over a checkpoint: one that OpenSSL made, and everything that it does not vouch for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.log.timestamp_token import verify_token
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from scripts.vectors.version2.log import WITNESS, WITNESS_SEED

FILES = Path(__file__).parents[3] / "vectors" / "rfc3161"
TOKEN, AUTHORITY, ROOT = ((FILES / name).read_bytes() for name in ("token.tsr", "authority.pem", "root.pem"))
NOTE = (FILES / "note.txt").read_bytes().decode("utf-8")


def check(token=TOKEN, note=NOTE, authority=AUTHORITY, roots=(ROOT,)):
    return verify_token(token, note, authority, roots)


def test_a_token_says_when_the_checkpoint_was_there():
    assert check().time_ms == 1_795_814_228_000
    assert check(roots=(ROOT, ROOT)) == check()


def test_a_cosignature_that_comes_later_changes_nothing():
    assert check(note=NOTE + cosign(NOTE, witness_name(WITNESS), 9, WITNESS_SEED)) == check()


def failed(**changes):
    with pytest.raises(VerificationFailed) as caught:
        check(**changes)
    assert caught.value.check == "timestamp"


def test_another_checkpoint_was_not_stamped():
    failed(note=NOTE.replace("\n7\n", "\n8\n"))


def test_another_authority_does_not_count_though_one_root_issued_both():
    failed(authority=(FILES / "other-authority.pem").read_bytes())
    failed(authority=ROOT)


def test_a_root_of_the_same_name_is_another_root():
    failed(roots=((FILES / "other-root.pem").read_bytes(),))
    failed(roots=(AUTHORITY,))


def test_no_byte_of_a_token_can_be_changed():
    """Whatever is bent, it is no token, or none of this authority, or says the same: some bytes nobody signs."""
    good, same = check(), 0
    for at in range(0, len(TOKEN), 7):
        bent = TOKEN[:at] + bytes([TOKEN[at] ^ 1]) + TOKEN[at + 1 :]
        try:
            same += check(token=bent) == good
        except (InvalidInput, VerificationFailed):
            continue
        assert check(token=bent) == good, at
    assert same < 9


def test_a_certificate_of_a_version_that_nobody_knows_is_no_fault_of_the_reader():
    version = bytes.fromhex("a003020102")
    assert TOKEN.count(version) == 1
    failed(token=TOKEN.replace(version, version[:-1] + b"\x12"))


def test_another_digest_is_not_taken():
    failed(token=(FILES / "sha512.tsr").read_bytes())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"token": b""}, "timestamp-token"),
        ({"token": b"\x30\x00"}, "timestamp-token"),
        ({"token": TOKEN[:-1]}, "timestamp-token"),
        ({"token": TOKEN + b"\0"}, "timestamp-token"),
        ({"token": bytes(16_385)}, "max-bytes"),
        ({"authority": b"-----"}, "pem"),
        ({"roots": (b"",)}, "pem"),
        ({"roots": ()}, "length"),
        ({"note": "x"}, "note"),
    ],
)
def test_what_is_no_token_is_named(changes, rule):
    with pytest.raises(InvalidInput) as caught:
        check(**changes)
    assert caught.value.rule == rule


def test_without_the_extra_nothing_is_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(CouldNotCheck, match="timestamps-not-installed"):
        check()
