"""The survey reader: what is published, what we cut, and each way in which a file can be wrong."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from primitives.errors import InvalidInput
from scripts.demo.cut_survey import main
from scripts.demo.survey import COLUMNS, cut, read_households

DATA = Path(__file__).parents[3] / "scripts" / "demo" / "data"
CUT = (DATA / "scf2019.csv.gz").read_bytes()
HOUSEHOLDS = 5777
LINES = gzip.decompress(CUT).decode().splitlines()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def pack(lines: list[str], *, bom: bool = False) -> bytes:
    return zipped(("\n".join(lines) + "\n").encode("utf-8-sig" if bom else "utf-8"))


def sample() -> list[list[str]]:
    return [line.split(",") for line in LINES[:4]]


def packed(rows: list[list[str]]) -> bytes:
    return pack([",".join(row) for row in rows])


def original() -> bytes:
    """A file in the published shape: five implicates, columns that we do not use, blanks in those."""
    rows = [["WILSH", *LINES[0].split(","), "KGTOTAL"]]
    for line in LINES[1:4]:
        values = line.split(",")
        for implicate in range(1, 6):
            rows.append(["", values[0], str(10 * int(values[0]) + implicate), *values[2:], "NaN"])
    return pack([",".join(row) for row in rows], bom=True)


def test_the_checked_in_cut_holds_every_household_once() -> None:
    rows = read_households(CUT)
    assert len(rows) == HOUSEHOLDS
    assert all(row["Y1"] - 10 * row["YY1"] == 1 for row in rows)
    assert set(rows[0]) == set(COLUMNS)


def test_the_readme_states_the_digest_of_the_cut() -> None:
    text = (DATA / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(CUT).hexdigest() in text
    assert f"{len(CUT):,}" in text


def test_an_original_is_cut_to_its_first_implicate() -> None:
    result = cut(original())
    assert read_households(result) == read_households(original())
    assert gzip.decompress(result).decode().splitlines() == LINES[:4]


def test_cutting_is_deterministic_and_idempotent() -> None:
    once = cut(original())
    assert cut(original()) == once == cut(once)
    assert once[4:8] == bytes(4)  # no time in the gzip header


@pytest.mark.parametrize("bom", [False, True])
def test_a_byte_order_mark_makes_no_difference(bom: bool) -> None:
    assert len(read_households(pack(LINES[:10], bom=bom))) == 9


def change(place: tuple[int, str], value: str) -> Callable[[list[list[str]]], list[list[str]]]:
    def apply(rows: list[list[str]]) -> list[list[str]]:
        rows[place[0]][rows[0].index(place[1])] = value
        return rows

    return apply


def without(name: str) -> Callable[[list[list[str]]], list[list[str]]]:
    return lambda rows: [[v for v, title in zip(row, rows[0], strict=True) if title != name] for row in rows]


@pytest.mark.parametrize(
    ("edit", "field", "rule"),
    [
        (change((2, "DEBT"), ""), "survey.row[3].DEBT", "blank"),
        (change((2, "DEBT"), "  "), "survey.row[3].DEBT", "blank"),
        (change((1, "ASSET"), "NaN"), "survey.row[2].ASSET", "finite"),
        (change((1, "ASSET"), "-Infinity"), "survey.row[2].ASSET", "finite"),
        (change((1, "ASSET"), "12,5"), "survey.row[2]", "columns"),
        (change((1, "ASSET"), "many"), "survey.row[2].ASSET", "number"),
        (change((1, "ASSET"), "9" * 41), "survey.row[2].ASSET", "number"),
        (change((1, "ASSET"), "-1"), "survey.row[2].ASSET", "range"),
        (change((1, "ASSET"), "1e999"), "survey.row[2].ASSET", "range"),
        (change((3, "KNOWL"), "11"), "survey.row[4].KNOWL", "range"),
        (change((3, "AGE"), "44.5"), "survey.row[4].AGE", "whole"),
        (change((3, "Y1"), "99"), "survey.row[4].Y1", "implicate"),
        (change((0, "DEBT"), "DEBTS"), "survey.DEBT", "missing-column"),
        (change((0, "DEBT"), "ASSET"), "survey.ASSET", "header"),
        (without("NOFINRISK"), "survey.NOFINRISK", "missing-column"),
        (lambda rows: rows[:1], "survey", "empty"),
        (lambda rows: [*rows, rows[1]], "survey.row[5].YY1", "unique"),
        (lambda rows: [*rows, rows[1][:-1]], "survey.row[5]", "columns"),
        (lambda rows: [*rows, []], "survey.row[5]", "columns"),
    ],
)
def test_wrong_tables_name_row_column_and_rule(edit: Callable, field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_households(packed(edit(sample())))
    assert (raised.value.field, raised.value.rule) == (field, rule)


def test_a_hole_in_a_column_that_we_do_not_use_is_ignored() -> None:
    assert len(read_households(original())) == 3


def test_a_hole_in_an_implicate_that_is_not_kept_is_still_an_error() -> None:
    rows = [["YY1", "Y1", *LINES[0].split(",")[2:]], LINES[1].split(",")]
    other = LINES[1].split(",")
    other[1] = str(10 * int(other[0]) + 2)
    other[-1] = ""
    with pytest.raises(InvalidInput) as raised:
        read_households(packed([*rows, other]))
    assert raised.value.rule == "blank"


def test_only_later_implicates_are_no_household() -> None:
    rows = sample()
    for row in rows[1:]:
        row[1] = str(10 * int(row[0]) + 2)
    with pytest.raises(InvalidInput) as raised:
        read_households(packed(rows))
    assert raised.value.rule == "implicate"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty"),
        (b"YY1,Y1\n", "gzip"),
        (CUT[: len(CUT) // 2], "gzip"),
        (CUT[:-8] + bytes(8), "gzip"),
        (b"\x1f\x8b\x08\x00" + bytes(40), "gzip"),
        (zipped(b""), "empty"),
        (zipped(b"\n\n"), "empty"),
        (zipped("YY1,Größe\n".encode("latin-1")), "utf-8"),
        (zipped(b'"YY1'), "csv"),
        (zipped(bytes(1)), "missing-column"),
    ],
)
def test_wrong_files_name_the_rule(data: bytes, rule: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_households(data)
    assert raised.value.rule == rule


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.demo.survey.MAX_PLAIN_BYTES", 1000)
    with pytest.raises(InvalidInput) as raised:
        read_households(CUT)
    assert raised.value.rule == "max-bytes"
    monkeypatch.setattr("scripts.demo.survey.MAX_COMPRESSED_BYTES", 1000)
    with pytest.raises(InvalidInput):
        read_households(CUT)


def test_the_script_cuts_and_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in.gz", tmp_path / "out.gz"
    source.write_bytes(original())
    assert main([str(source), str(target)]) == 0
    assert target.read_bytes() == cut(original())
    source.write_bytes(b"no gzip")
    assert main([str(source), str(target)]) == 2
    assert "gzip" in capsys.readouterr().err
    assert main([str(tmp_path / "none"), str(target)]) == 2
    assert main([]) == 2
