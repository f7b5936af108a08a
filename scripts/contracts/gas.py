"""What the calls of the contracts cost in gas: contracts/snapshots/gas.json.

scripts/contracts/gas.py            measure, and write it
scripts/contracts/gas.py --check    exit 1, naming each call and by how much, when a figure differs at all

Every call that writes is measured, and those whose cost depends on what stands already, more than once. The chain is an
embedded one of its own with a fixed id, and the keys are derived from telling names, so that addresses, signatures, and
with them the figures, are the same on every machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from node_adapter.chain import embedded
from scripts.contracts.gas_calls import Calls
from scripts.contracts.snapshots import SNAPSHOTS, write_or_check

FILE = SNAPSHOTS / "gas.json"
CHAIN_ID = 31_337
Gas = dict[str, dict[str, int]]  # contract -> call, or `deploy` -> gas


def measure() -> Gas:
    """Make every call once on a chain of its own, and return what each used."""
    with tempfile.TemporaryDirectory(prefix="bonafides-gas-") as directory:
        folder = Path(directory)
        network = {"embedded": True, "chain_id": CHAIN_ID, "port": None, "pid": None}
        (folder / embedded.NETWORK_FILE).write_text(json.dumps(network), encoding="utf-8")
        chain = embedded.up(folder)
        try:
            calls = Calls(chain.rpc_url)
            calls.make_all()
        finally:
            embedded.down(folder)
    return calls.used


def differences(kept: Gas, built: Gas) -> list[str]:
    """Say which calls came, went or cost another amount, and by how much."""
    before, now = _flat(kept), _flat(built)
    said = [f"{call}: is new, {now[call]:,}" for call in now if call not in before]
    said += [f"{call}: is gone, it was {before[call]:,}" for call in before if call not in now]
    for call, old in before.items():
        new = now.get(call, old)
        if new != old:
            said.append(f"{call}: was {old:,} and is {new:,} ({new - old:+,}, {(new - old) / old:+.2%})")
    return said


def _flat(gas: Gas) -> dict[str, int]:
    return {f"{contract}.{call}": used for contract, calls in gas.items() for call, used in calls.items()}


def main(arguments: list[str]) -> int:
    """Measure, and write the snapshot or compare it; return the exit status."""
    return write_or_check(arguments, "gas", FILE, measure(), differences)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
