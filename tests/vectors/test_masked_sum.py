"""The worked example of docs/spec/joint-statistics.md is what the code makes, and what it says by itself."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "spec" / "vectors" / "masked-sum-1.json"
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001


def test_the_file_is_what_the_script_makes():
    command = [sys.executable, "-m", "scripts.vectors.masked_sum", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_the_example_checks_out_with_nothing_but_hashlib():
    """A second implementation of digest, transcript and masks, as the specification words them."""
    example = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    spec = tagged(b"bonafides/task/1", example["task_canonical"].encode())
    assert spec.hex() == example["spec_digest"]
    parts = [bytes.fromhex(owner["member"][2:] + owner["commitment"]) for owner in example["owners"]]
    chain_id = example["chain_id"].to_bytes(32)
    transcript = tagged(b"bonafides/masked-sum/1/transcript", spec, chain_id, *parts)
    assert transcript.hex() == example["transcript"]
    tag = b"bonafides/masked-sum/1/mask"
    shift = {owner["member"]: [0] * 6 for owner in example["owners"]}
    for pair in example["pairs"]:
        data = len(tag).to_bytes(1) + tag + bytes.fromhex(pair["seed"]) + transcript
        stream = hashlib.shake_256(data).digest(6 * 64)
        masks = [int.from_bytes(stream[at : at + 64]) % ORDER for at in range(0, 6 * 64, 64)]
        assert [mask.to_bytes(32).hex() for mask in masks] == pair["masks"]
        for index, mask in enumerate(masks):
            shift[pair["low"]][index] += mask
            shift[pair["high"]][index] -= mask
    totals = [0] * 6
    for owner in example["owners"]:
        plain = [*(int(value) for value in owner["values"]), int(owner["blinding"], 16)]
        sent = [*(int(value, 16) for value in owner["message"]["values"]), int(owner["message"]["blinding"], 16)]
        assert sent == [(value + mask) % ORDER for value, mask in zip(plain, shift[owner["member"]], strict=True)]
        totals = [(total + value) % ORDER for total, value in zip(totals, sent, strict=True)]
    assert [str(total) for total in totals[:5]] == example["totals"]
    assert totals[5].to_bytes(32).hex() == example["blinding_sum"]


def tagged(tag, *parts):
    data = len(tag).to_bytes(1) + tag + b"".join(len(part).to_bytes(8) + part for part in parts)
    return hashlib.sha256(data).digest()
