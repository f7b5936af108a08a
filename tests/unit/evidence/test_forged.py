"""The forged histories of tests/vectors/forged: none of them stands, and the files are what the script makes."""

from __future__ import annotations

import json

import pytest

from scripts.vectors import forged
from scripts.vectors.synthetic_chain import verify_bundle

FILES = sorted(forged.VECTORS.glob("*.json"))


def test_files_and_script_agree():
    outputs = forged.outputs()
    assert sorted(outputs) == FILES
    for path, text in outputs.items():
        assert path.read_text(encoding="utf-8") == text, path.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_forgery_stands_without_a_word(file):
    made = json.loads(file.read_text(encoding="utf-8"))
    report = verify_bundle(made["bundle"].encode(), made["trust"].encode(), promises=made["promises"])
    assert list(report.failed) == made["failed"]
    assert sorted({finding.code for finding in report.findings}) == made["findings"]
    assert report.failed or report.findings
    if made["promises"] is not None:  # what only the promise shows does not show without it
        assert verify_bundle(made["bundle"].encode(), made["trust"].encode()).ok
