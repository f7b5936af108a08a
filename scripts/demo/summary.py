"""The end of the demo: a table of what was done, what it cost, and where everything lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.demo.consortium import BROKERS, Consortium, how_to_stop


def chain_facts(consortium: Consortium) -> dict[str, Any]:
    """Gather anchors, chain writes and gas from the brokers' nodes."""
    facts: dict[str, Any] = {}
    for name in BROKERS:
        status = consortium.members[name].as_role("operator").get("/v1/status")
        facts[name] = {
            "log": status["log"],
            "outbox": status["outbox"],
            "gas": status.get("gas"),
            "alarms": status["alarms"],
        }
    return facts


def print_table(facts: dict[str, Any], out: Path) -> None:
    """Print the table that the README explains."""
    rows: list[tuple[str, str]] = [
        ("input", facts["source"]),
        ("clients, accounts", f"{facts['clients']}, {facts['accounts']} at {len(BROKERS)} brokers"),
        ("records accepted", _per_broker(facts["records"])),
        (
            "anchors on chain",
            _per_broker({name: (c["log"]["anchor"] or {}).get("seq", 0) for name, c in facts["chain"].items()}),
        ),
        ("gas per record", _per_broker({name: _gas_per_record(c) for name, c in facts["chain"].items()})),
        ("promises, receipts in wallets", f"{facts['promises']}, {facts['receipts']}, each verified"),
        ("breaches planted, found", ", ".join(f"{kind}: {count}" for kind, count in facts["breaches"].items())),
        ("gate calls refused", f"{facts['gates_refused']} (the planted breaches; the facts were kept)"),
        (
            "credentials",
            f"{facts['credentials']['issued']} issued; revoked one seen as {facts['credentials']['revoked_seen_as']}",
        ),
        ("replayed proof", facts["credentials"]["proof_replayed_seen_as"]),
        ("joint statistic", _joint(facts["joint"]["statistics"]) + "; equals the plain sum"),
        ("a broker that cheats", "every broker refused the result"),
        ("bundle", facts["verified"]["verdict"]["verdict"]),
        ("trust file", f"{facts['verified']['trust_bytes']} bytes"),
        *((f"  {name}", "caught by " + ", ".join(checks)) for name, checks in facts["verified"]["caught"].items()),
        ("a record taken back", f"the wallet convicts the broker: {facts['rollback']['tells']}"),
        ("records of twenty years ago", f"{facts['erased']['erased']} erased; {facts['erased']['verdict']}"),
    ]
    width = max(len(name) for name, _ in rows)
    print("\n" + "-" * 100)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    print("-" * 100)
    for title, seconds in facts["seconds"].items():
        print(f"{seconds:8.1f} s  {title}")
    print("-" * 100)
    for name in ("report.html", "report.pdf", "bundle.json.gz", "trust.json", "summary.json"):
        print(f"{out / name}")


def print_how_to_use(consortium: Consortium) -> None:
    """Say where the nodes listen, and how to talk to them."""
    print("\nThe network keeps running:")
    print(f"  chain      {consortium.rpc_url} (chain id {consortium.chain_id})")
    for member in consortium.members.values():
        print(f"  {member.name:<10} {member.url}   tokens: {member.home / 'tokens'}")
    first = consortium.members["alpha"]
    print(f"Passwords of this run: {consortium.directory}/keystore.password and wallet.password (for --password-file)")
    print("Look around:")
    print(f"  bonafides node status --node {first.home}")
    print(f"  bonafides member list --node {first.home}")
    print(f"  curl {first.url}/v1/log/checkpoint")
    print("Stop it:")
    print(f"  {how_to_stop(consortium.directory)}")


def _per_broker(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _gas_per_record(chain: dict[str, Any]) -> str:
    gas, size = (chain["gas"] or {}).get("anchor"), chain["log"]["anchored"]
    return "unknown" if not gas or not size else f"{gas / size:.0f}"


def _joint(statistics: dict[str, Any]) -> str:
    risk, leverage = statistics["holding_risk"]["decimal"], statistics["leverage"]["decimal"]
    return f"{statistics['clients']} clients, holding risk {risk}, leverage {leverage}"
