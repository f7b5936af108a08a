"""The command that verifies a claim of breach: `promise verify`, and of the verifier alone `bonafides-verify-claim`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_limited, say, write_json
from evidence.documents.breach import MAX_BREACH_BYTES, parse_breach
from evidence.documents.trust import MAX_TRUST_BYTES
from evidence.verify.breach import BreachReport, verify_breach
from evidence.version2.documents.claim import CLAIM_FORMAT, MAX_CLAIM_BYTES, MAX_CLAIM_NODES
from evidence.version2.verify.claim import ClaimReport
from evidence.version2.verify.claim import verify_claim as verify_claim_2
from primitives.canonical import parse_json
from primitives.errors import InvalidInput
from replay.formats import Trust


@click.command(
    "verify",
    epilog=verbatim(
        "Exit status: 0 the breach is proved, 1 a check failed, 2 not a claim, or it could not be checked.",
        "",
        "Example:",
        "  bonafides promise verify claim.json --trust trust.json --trust-key HEX",
    ),
)
@click.argument("claim", type=FILE)
@click.option(
    "--trust", type=FILE, required=True, multiple=True, help="From others than the broker; several must agree."
)
@click.option(
    "--trust-key", "trust_keys", multiple=True, help="Of format 2: the key (hex) of a trust file's signer, pinned."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify_claim(*, claim: Path, trust: tuple[Path, ...], trust_keys: tuple[str, ...], as_json: bool) -> int:
    """Verify the claim that a promise was not kept, offline: every check by name, and the verdict.

    The claim says which format it is of; one of format 2 needs trust files of format 2 and the keys of their signers.
    """
    data = read_limited(claim, MAX_BREACH_BYTES, "breach")
    report = _verified(data, Trust.read([read_limited(file, MAX_TRUST_BYTES, "trust") for file in trust], trust_keys))
    if as_json:
        write_json(_as_json(report))
    else:
        for item in report.checks:
            say(f"{'ok    ' if item.ok else 'FAILED'} {item.name}: {item.detail}")
        say(report.verdict)
    return 0 if report.ok else 1


def _verified(claim: bytes, word: Trust) -> BreachReport | ClaimReport:
    if not _is_format_2(claim):
        if not word.of_1:
            parse_breach(claim)  # what is no claim is told so, before anything is said of trust files
            raise InvalidInput(
                "trust", "shape", "is of format 2, and a claim of format 1 needs a trust file of headers"
            )
        return verify_breach(claim, word.of_1[0])
    if not word.of_2:
        raise InvalidInput(
            "trust", "shape", "is of format 1, and a claim of format 2 needs trust files that are signed"
        )
    if not word.keys:
        raise InvalidInput("trust_keys", "required", "no key is pinned: whose word is taken for the block?")
    return verify_claim_2(claim, word.of_2, word.keys)


def _is_format_2(claim: bytes) -> bool:
    """Tell whether a claim says that it is of format 2; those of format 1 are longer, or left to their reader."""
    if len(claim) > MAX_CLAIM_BYTES or CLAIM_FORMAT.encode() not in claim:
        return False
    parsed = parse_json(claim, field="claim", max_bytes=MAX_CLAIM_BYTES, max_nodes=MAX_CLAIM_NODES)
    return isinstance(parsed, dict) and parsed.get("format") == CLAIM_FORMAT


def _as_json(report: BreachReport | ClaimReport) -> dict[str, Any]:
    made = report.promise
    return {
        "ok": report.ok,
        "verdict": report.verdict,
        "checks": [vars(item) for item in report.checks],
        "broker": made.broker,
        "record_id": made.record_id,
        "fingerprint": made.fingerprint.hex(),
        "log_index": made.log_index,
    }
