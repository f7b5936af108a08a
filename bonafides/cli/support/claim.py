"""The command that verifies a claim of breach: `promise verify`, and of the verifier alone `bonafides-verify-claim`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_limited, say, write_json
from evidence.documents.breach import MAX_BREACH_BYTES
from evidence.documents.trust import MAX_TRUST_BYTES
from evidence.verify.breach import BreachReport, verify_breach


@click.command(
    "verify",
    epilog=verbatim(
        "Exit status: 0 the breach is proved, 1 a check failed, 2 not a claim, or it could not be checked.",
        "",
        "Example:",
        "  bonafides promise verify claim.json --trust trust.json",
    ),
)
@click.argument("claim", type=FILE)
@click.option("--trust", type=FILE, required=True, help="From a member that you trust for it: `chain headers`.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify_claim(claim: Path, trust: Path, as_json: bool) -> int:
    """Verify the claim that a promise was not kept, offline: every check by name, and the verdict."""
    report = verify_breach(
        read_limited(claim, MAX_BREACH_BYTES, "breach"), read_limited(trust, MAX_TRUST_BYTES, "trust")
    )
    if as_json:
        write_json(_as_json(report))
    else:
        for item in report.checks:
            say(f"{'ok    ' if item.ok else 'FAILED'} {item.name}: {item.detail}")
        say(report.verdict)
    return 0 if report.ok else 1


def _as_json(report: BreachReport) -> dict[str, Any]:
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
