"""What a joint statistic of three brokers costs, against the plain sum that a trusted party would compute.

python scripts/bench/masked_sum.py [--quick] [--clients 1000]
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mpc.engines.masked_sum.protocol import Committing, Masking, Session, pair_seed
from mpc.registry import read_task
from mpc.spec import TaskSpec
from mpc.statistics import ClientFacts, Statistics, local_totals
from primitives import curve
from primitives.pedersen import vector_commit, vector_generator

CHAIN_ID = 31_337
MEMBERS = tuple(f"0x{number:040x}" for number in (1, 2, 3))
REPEATS = 5


def bench_spec() -> TaskSpec[Statistics]:
    """Return a task of three owners and five columns."""
    return read_task(
        {
            "format": "bonafides.task/1",
            "task_id": "0b" * 32,
            "purpose": "MARKET_RISK",
            "statistics": ["clients", "holding_risk", "leverage"],
            "owners": [{"member": member, "dataset": "00" * 32} for member in MEMBERS],
            "receivers": list(MEMBERS),
            "policy": {"min_contributors": 3, "min_clients": 10},
            "deadline": "2099-01-01T00:00:00.000+08:00",
            "engine": "masked-sum/1",
        }
    )


def payloads(owner: int, clients: int) -> list[dict[str, Any]]:
    """Make INFO_COLLECT payloads from a counter."""
    made = []
    for number in range(clients):
        seed = int.from_bytes(hashlib.sha256(b"%d %d" % (owner, number)).digest()[:5])
        finance = {
            "assets_fen": seed,
            "debts_fen": seed // 3,
            "holdings_fen": {f"R{r}": seed >> r for r in range(1, 6)},
        }
        made.append({"finance": finance})
    return made


def plain_sum(data: list[list[dict[str, Any]]]) -> tuple[int, ...]:
    """The loop of somebody who may see everything."""
    clients = risk_value = value = debts = assets = 0
    for owner in data:
        for payload in owner:
            finance = payload["finance"]
            clients += 1
            for name, amount in finance["holdings_fen"].items():
                risk_value += int(name[1]) * amount
                value += amount
            debts += finance["debts_fen"]
            assets += finance["assets_fen"]
    return clients, risk_value, value, debts, assets


def best_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the shortest of several runs in seconds, and the last outcome."""
    times = []
    outcome = None
    for _ in range(REPEATS):
        begun = time.perf_counter()
        outcome = work()
        times.append(time.perf_counter() - begun)
    return min(times), outcome


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000, help="of each broker")
    parser.add_argument("--quick", action="store_true", help="a run of seconds, for CI")
    options = parser.parse_args()
    clients = 50 if options.quick else options.clients
    spec = bench_spec()
    data = [payloads(owner, clients) for owner in range(len(MEMBERS))]
    keys = [
        X25519PrivateKey.from_private_bytes(hashlib.sha256(b"bench %d" % at).digest()) for at in range(len(MEMBERS))
    ]
    raw = [(key.private_bytes_raw(), key.public_key().public_bytes_raw()) for key in keys]
    vector_commit((1,) * 5, 1)  # the generators are hashed to the curve once per process

    local, vectors = best_of(
        lambda: [local_totals(spec.program, map(ClientFacts.from_payload, owner)) for owner in data]
    )
    parties = [Committing(spec, *entry, 7**80 + 1) for entry in zip(MEMBERS, vectors, strict=True)]
    commit, points = best_of(lambda: {party.member: party.commitment() for party in parties})
    session = Session.open(spec, CHAIN_ID, points)

    def mask_all() -> list[Masking]:
        made = []
        for at, party in enumerate(parties):
            others = [peer for peer in range(len(MEMBERS)) if peer != at]
            seeds = {
                MEMBERS[p]: pair_seed(spec, CHAIN_ID, party.member, raw[at][0], MEMBERS[p], raw[p][1]) for p in others
            }
            made.append(party.mask(session, seeds))
        return made

    mask, states = best_of(mask_all)
    bodies = {state.member: state.outgoing() for state in states}

    def verify_one() -> Any:
        state = states[0]
        for member, body in bodies.items():
            state = state.receive(member, body)
        return state.result()

    verify, result = best_of(verify_one)
    plain, expected = best_of(lambda: plain_sum(data))
    native, _ = best_of(lambda: curve.msm([vector_generator(at) for at in range(5)], [2**200 + at for at in range(5)]))
    if result.totals != expected:
        raise SystemExit("the joint totals are not the plain sums")

    brokers = len(MEMBERS)
    total = local + commit + mask + brokers * verify
    columns = len(spec.program.columns)
    print(f"{brokers} brokers, {clients} clients each, {columns} columns; joint totals equal the plain sums")
    for name, seconds in (
        ("local totals, all brokers", local),
        ("commitments, all brokers", commit),
        ("seeds and masks, all brokers", mask),
        ("check of one broker", verify),
        ("whole protocol, all brokers", total),
        ("plain sum (native limit)", plain),
    ):
        print(f"  {name:32s} {seconds * 1000:9.3f} ms")
    print(f"  ratio whole protocol / plain sum            {total / plain:6.2f}")
    print(f"  ratio commitment / bare multi-scalar mult.  {commit / brokers / native:6.2f}")
    print(f"  message                                     {len(str(bodies[MEMBERS[0]]).encode()):6d} bytes")


if __name__ == "__main__":
    main()
