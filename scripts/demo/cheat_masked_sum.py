"""A broker that cheats: it commits to its true totals and then sends masked messages of other ones.

    bonafides node run is stopped for that broker; instead:
    python scripts/demo/cheat_masked_sum.py --node DIR [--add FEN]

Everything else is the product, with that broker's own directory and keys: the same HTTP interface, the same processes.
One class is replaced in the task process of this script alone. SIGTERM ends it; the honest node can then run again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bonafides.cli.process.child import ChildSpec
from bonafides.cli.process.supervisor import Supervisor
from mpc.engines.masked_sum import engine as masked_sum
from mpc.engines.masked_sum.protocol import Committing, Masking, Session, mask_vector
from node_adapter import process, task_process
from node_adapter.keys.keystore import read_password
from node_adapter.settings import Settings
from primitives.errors import BonafidesError


class OtherVector(Committing):
    """Commits like an honest party, and masks a vector in which every amount is larger by `added_fen`."""

    added_fen = 1_000_000_00

    def mask(self, session: Session, seeds: Mapping[str, bytes]) -> Masking:
        """Mask other values than those of the commitment."""
        values = (self.values[0], *(value + self.added_fen for value in self.values[1:]))
        message = mask_vector(session, self.member, values, self.blinding, seeds)
        return Masking(session, self.member, {self.member: message})


class CheatingNode(Supervisor):
    """Runs the node's processes, with this script as the task process."""

    def __init__(self, settings: Settings, password: str, added_fen: int) -> None:
        """Keep by how much to cheat."""
        super().__init__(settings, password, 1)
        self._added_fen = added_fen

    def _specs(self, interface: int, health: int) -> list[ChildSpec]:
        mine = (__file__, "--task-process", "--add", str(self._added_fen), "--node", str(self._settings.home))
        return [
            replace(spec, arguments=mine) if spec.name == task_process.NAME else spec
            for spec in super()._specs(interface, health)
        ]


def main() -> int:
    """Run the cheating node, or with --task-process that one alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=Path, required=True, help="the broker's own directory")
    parser.add_argument("--add", type=int, default=OtherVector.added_fen, help="fen added to each amount that is sent")
    parser.add_argument("--password-file", type=Path, help="else BONAFIDES_KEYSTORE_PASSWORD")
    parser.add_argument("--task-process", action="store_true", help=argparse.SUPPRESS)
    options, others = parser.parse_known_args()
    if options.task_process:
        OtherVector.added_fen = options.add
        masked_sum.Committing = OtherVector  # type: ignore[attr-defined]
        return process.main(task_process.NAME, task_process.run, ["--node", str(options.node), *others])
    try:
        password = read_password(file=options.password_file)
        node = CheatingNode(Settings.load(options.node), password, options.add)
        return node.run(lambda: print("the cheating node is ready", flush=True))
    except BonafidesError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
