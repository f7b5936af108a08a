"""The keys of a broker's staff as its log enrols and ends them (specification: docs/spec/staff.md, section 1)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard
from urllib.parse import unquote

from primitives import ed25519
from primitives.digest import tagged_sha256
from primitives.encoding import decode_base58btc, encode_base58btc
from primitives.errors import InvalidInput
from primitives.shapes import Line

SUBJECT_TAG = "bonafides/staff-subject/1"
_STATED = frozenset({"name", "role", "key", "expires_at"})
MAX_NAME = 120
# Unicode's Default_Ignorable_Code_Point, and the empty pattern of Braille.
_INVISIBLE = frozenset({0xAD, 0x34F, 0x61C, 0x2800, 0x3164, 0xFEFF, 0xFFA0}).union(
    *(range(first, last + 1) for first, last in (
        (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
        (0xFE00, 0xFE0F), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ))
)  # fmt: skip
_DID_KEY, _ED25519_MULTICODEC = "did:key:", b"\xed\x01"


def staff_subject(broker: str, key: str) -> str:
    """Return the pseudonym, 64 hex, under which a broker records what concerns a staff key (hex).

    It is derived, so that an earlier enrolment, or an end, under another pseudonym cannot be left out of a bundle.
    """
    return tagged_sha256(SUBJECT_TAG, broker.encode(), bytes.fromhex(key)).hex()


def person_name(name: str) -> str:
    """Return what stands for a person: the name without what a reader does not see.

    That is letter width and case, white space, and characters that show nothing: neither makes another person.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    shown = "".join(character for character in folded if ord(character) not in _INVISIBLE)
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def check_name(value: object) -> str:
    """Return a person's name unchanged, if it is written the one way in which a reader sees it.

    Raises:
        InvalidInput: `name`; rule `nfc`, `spaces`, `blank`, or one of a line of text.
    """
    name = Line(MAX_NAME).read(value, "name")
    if not unicodedata.is_normalized("NFC", name):
        raise InvalidInput("name", "nfc", "must be in Unicode normal form C")
    if " ".join(name.split()) != name:
        raise InvalidInput("name", "spaces", "must hold single spaces, between words alone")
    if not person_name(name):
        raise InvalidInput("name", "blank", "shows nothing to whoever reads it")
    return name


def did_key(key: str) -> str:
    """Return the did:key of a staff key (hex)."""
    return _DID_KEY + encode_base58btc(_ED25519_MULTICODEC + bytes.fromhex(key))


def names_did_key(did: object) -> TypeGuard[str]:
    """Tell whether a DID means a did:key, in whatever spelling."""
    return isinstance(did, str) and unquote(did).strip().lower().startswith(_DID_KEY)


def key_of_did(did: str) -> str | None:
    """Return the Ed25519 key (hex) whose did:key this is; None of any other spelling or kind."""
    size = len(_ED25519_MULTICODEC) + ed25519.PUBLIC_KEY_BYTES
    try:
        data = decode_base58btc(did.removeprefix(_DID_KEY), "did", size)
    except InvalidInput:
        return None
    key = data.removeprefix(_ED25519_MULTICODEC).hex()
    return key if len(key) == 2 * ed25519.PUBLIC_KEY_BYTES and did_key(key) == did else None


@dataclass(frozen=True)
class StaffKey:
    """An enrolled key: whose, for what, and between which places of the log. `subject` stands for the key.

    `block` is the one at which the enrolment was accepted.
    """

    key: str
    name: str
    role: str
    expires_at: str
    subject: str
    enrolled_at: int
    enrolment: str  # fingerprint of the record, hex
    block: int
    ended_at: int | None = None  # both are places of the log

    @property
    def did(self) -> str:
        """The person's key as a did:key: what `actor` names when this person acted."""
        return did_key(self.key)

    @property
    def person(self) -> str:
        """What stands for the person: two keys of one person have the same."""
        return person_name(self.name)

    @property
    def label(self) -> str:
        """How the person is called in a sentence."""
        return self.name


@dataclass(frozen=True)
class Unshown:
    """A key whose enrolment is there and not shown whole: a node got it back from others, or a bundle redacts it."""

    subject: str
    enrolment: str
    block: int
    ended_at: int | None = None
    label: str = "somebody whose enrolment is not shown"


@dataclass(frozen=True)
class Roster:
    """Every enrolled key of a broker, from the records of its log in their order."""

    broker: str
    by_subject: Mapping[str, StaffKey | Unshown] = field(default_factory=dict)

    @property
    def keys(self) -> list[StaffKey]:
        """The keys whose enrolments are shown, in the order of the log."""
        return [entry for entry in self.by_subject.values() if isinstance(entry, StaffKey)]

    def find(self, key: str) -> StaffKey | Unshown | None:
        """Return what was enrolled with a key (hex)."""
        return self.by_subject.get(staff_subject(self.broker, key))

    def with_enrolment(
        self, subject: str, log_index: int, block: int, fingerprint: str, values: Mapping[str, Any]
    ) -> Roster:
        """Return the roster after one more record of the log, which enrols a key: a key is enrolled once.

        Of a record that does not show its fields, the key cannot be told.
        """
        if subject in self.by_subject:
            return self
        if not values.keys() >= _STATED:
            return self._with(Unshown(subject, fingerprint, block))
        if staff_subject(self.broker, values["key"]) != subject:
            return self
        stated = {name: values[name] for name in _STATED}
        return self._with(
            StaffKey(**stated, subject=subject, enrolled_at=log_index, enrolment=fingerprint, block=block)
        )

    def with_end(self, subject: str, log_index: int) -> Roster:
        """Return the roster after one more record of the log, which ends a key: its subject says which.

        What ended stays ended.
        """
        known = self.by_subject.get(subject)
        return self if known is None or known.ended_at is not None else self._with(replace(known, ended_at=log_index))

    def _with(self, entry: StaffKey | Unshown) -> Roster:
        return Roster(self.broker, {**self.by_subject, entry.subject: entry})

    def subjects_of(self, keys: Iterable[str], dids: Iterable[object]) -> list[str]:
        """Return the subjects of enrolled keys, given as such or by their did:key, each once."""
        named = [key_of_did(did) for did in dids if names_did_key(did)]
        entries = (self.find(key) for key in (*keys, *(key for key in named if key is not None)))
        return list(dict.fromkeys(entry.subject for entry in entries if entry is not None))
