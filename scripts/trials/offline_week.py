"""A node that was away while its chain went on: how fast its index catches up, and what that takes.

    .venv/bin/python scripts/trials/offline_week.py [--blocks 120000]

By hand: 120,000 blocks are a week of a chain with a block in five seconds. They are empty, but for what the chain
asks of each. A line for each tenth says blocks a second, what a block took of this process's own time on a processor,
its memory and the database's size: a curve that is flat says that none grows with what lies behind. The rate falls
whenever the machine has other work, so the verdict rests on processor time. Returns 1 where a block of the last tenth
took twice as much as one of the first, or memory grew by more than a quarter.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from node_adapter.bootstrap import open_node
from node_adapter.chain.rpc import JsonRpc
from node_adapter.chain_process import RPC_TIMEOUT_SECONDS, ChainProcess
from node_adapter.node import Node
from node_adapter.store.chain import blocks
from scripts.demo.consortium import Consortium

_BLOCK_SECONDS = 5
_MINED_AT_ONCE = 200


def main() -> int:
    """Return 0 when neither time a block nor memory grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=120_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bonafides-offline-") as folder:
        consortium = Consortium(Path(folder))
        try:
            consortium.start_chain()
            consortium.make_nodes()
            consortium.deploy()
            home = consortium.members["alpha"].home
            node = open_node(home, consortium.command.environment["BONAFIDES_KEYSTORE_PASSWORD"])
            return _catch_up(node, options.blocks)
        finally:
            consortium.close()


def _catch_up(node: Node, blocks: int) -> int:
    rpc = JsonRpc(node.settings.rpc_endpoint, timeout_seconds=12 * RPC_TIMEOUT_SECONDS)
    process = ChainProcess(node, rpc, pause=time.sleep, should_stop=lambda: False)
    while process.step():
        pass
    begun, first = time.monotonic(), _tip(node)
    for start in range(0, blocks, _MINED_AT_ONCE):
        rpc.call("anvil_mine", hex(min(_MINED_AT_ONCE, blocks - start)), hex(_BLOCK_SECONDS))
    print(f"{blocks} blocks made in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{'blocks':>8} {'blocks/s':>9} {'processor us a block':>21} {'memory MiB':>11} {'database MiB':>13}")
    costs, memories = [], []
    begun = last = time.monotonic()
    used = time.process_time()
    for tenth in range(1, 11):
        goal = first + blocks * tenth // 10
        while _tip(node) < goal:
            process.step()
        now, spent = time.monotonic(), time.process_time()
        rate = blocks / 10 / (now - last)
        costs.append(1e6 * (spent - used) / (blocks / 10))
        memories.append(_memory_mib())
        size = node.settings.database_path.stat().st_size / 2**20
        print(f"{goal - first:>8} {rate:>9.0f} {costs[-1]:>21.0f} {memories[-1]:>11.1f} {size:>13.1f}", flush=True)
        last, used = now, spent
    print(f"caught up in {last - begun:.0f} s, {1000 * (last - begun) / blocks:.2f} ms a block")
    node.store.dispose()
    return 1 if costs[-1] > 2 * costs[0] or memories[-1] > 1.25 * memories[0] else 0


def _tip(node: Node) -> int:
    with node.store.read() as connection:
        return blocks.tip(connection).number


def _memory_mib() -> float:
    """Return what this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    sys.exit(main())
