"""Text that is stored for twenty years and shown to people: what a broken import or a trick leaves in it is refused.

The rules are about single characters, so that no name is refused for being rare: characters of later Unicode versions,
private-use characters (rare names in the systems around a broker) and joiners inside words are all let through.
"""

from __future__ import annotations

from unicodedata import category

from primitives.errors import InvalidInput

REPLACEMENT = "\ufffd"
_LINE_BREAKS = frozenset("\n\r\x0b\x0c\x85\u2028\u2029")
# Marks of direction make text read in another order than it is written; the others are not to be seen at all.
_HIDDEN = frozenset("\u061c\u200b\u200e\u200f\u2060\ufeff") | {chr(code) for code in range(0x202A, 0x202F)}
_HIDDEN |= {chr(code) for code in (*range(0x2061, 0x206A), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080))}
_CONTROLS = ("Cc", "Cs")
_NONCHARACTER_ROW = range(0xFDD0, 0xFDF0)
_LAST_OF_PLANE = 0xFFFE
_FIRST_PRINTABLE = 0x20
_SURROGATES = range(0xD800, 0xE000)
_LAST_OF_PLANES = "".join(f"{chr(code)}-{chr(code + 1)}" for code in range(0x1FFFE, 0x110000, 0x10000))

REFUSED_CHARACTERS = (
    r"[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069"
    rf"\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffd-\uffff{_LAST_OF_PLANES}{chr(0xE0000)}-{chr(0xE007F)}]"
)
"""What `check_legible` refuses of the characters that JSON can carry, as a regular expression of JSON Schema."""


def check_legible(value: str, field: str) -> None:
    """Check that one line of text can be read as it is stored.

    Raises:
        InvalidInput: rule `replacement-character` (what a wrong decoding left), `one-line`, `control-character`,
            `hidden-character` (marks of direction and zero width) or `noncharacter`; the place is in the message.
    """
    if value.isprintable() and REPLACEMENT not in value:
        return
    for place, character in enumerate(value, 1):
        rule = _fault(character)
        if rule is not None:
            raise InvalidInput(field, rule, f"holds U+{ord(character):04X}{_REASONS[rule]} at character {place}")


def check_all_legible(value: object, field: str) -> None:
    """Check every text of a JSON value, and every key.

    Raises:
        InvalidInput: the dotted field, and a rule of `check_legible`.
    """
    if isinstance(value, str):
        check_legible(value, field)
    elif isinstance(value, dict):
        for name, entry in value.items():
            if not _is_plain(name):
                check_legible(name, f"{field} key" if field else "key")
            if not _is_plain(entry):
                check_all_legible(entry, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            if not _is_plain(entry):
                check_all_legible(entry, f"{field}[{number}]")


def _is_plain(value: object) -> bool:
    """Say of most texts and of numbers that there is nothing to look for: their place need not be spelled."""
    if type(value) is str:
        return value.isprintable() and REPLACEMENT not in value
    return type(value) is int


def check_no_controls(value: str, field: str) -> None:
    """Check that a text holds neither a C0 control character nor a lone surrogate.

    Raises:
        InvalidInput: rule `control-character` or `unicode`.
    """
    for character in value:
        if ord(character) < _FIRST_PRINTABLE:
            raise InvalidInput(field, "control-character", f"holds the control character U+{ord(character):04X}")
        if ord(character) in _SURROGATES:
            raise InvalidInput(field, "unicode", "holds a lone surrogate: text that was decoded wrongly")


def printable(text: str) -> str:
    """Return one line that is shown as it is: what a stranger wrote must not move a cursor, hide a word or turn words.

    Control and format characters (those of direction among them), surrogates and characters that nobody assigned are
    written as escapes; spaces of any width stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or category(character) == "Zs" else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


_REASONS = {
    "replacement-character": ", which stands for text that was decoded wrongly before it came here,",
    "one-line": ", a line break, where one line belongs,",
    "control-character": ", a control character,",
    "hidden-character": ", which hides or reorders what is read,",
    "noncharacter": ", which is no character,",
}


def _fault(character: str) -> str | None:
    code = ord(character)
    if character == REPLACEMENT:
        return "replacement-character"
    if character in _LINE_BREAKS:
        return "one-line"
    if category(character) in _CONTROLS:
        return "control-character"
    if character in _HIDDEN:
        return "hidden-character"
    if code in _NONCHARACTER_ROW or code & _LAST_OF_PLANE == _LAST_OF_PLANE:
        return "noncharacter"
    return None
