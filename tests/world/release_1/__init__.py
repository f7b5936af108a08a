"""A populated node of release 1 on its own chain, unpacked for one test (README.md says what is in it)."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from node_adapter.chain import embedded
from node_adapter.chain.deploy import deploy, founders_of
from node_adapter.chain.former_network import read_former_network
from node_adapter.chain.rpc import HttpRpc
from node_adapter.init import configure
from node_adapter.keys.keystore import Keystore
from node_adapter.settings import Settings

ARCHIVE = Path(__file__).with_name("node.tar.xz")
PASSWORD = "a password of the tests"
BROKER, REGULATOR = "node-0", "node-1"


class Release1:
    """The directories of a broker's and of a regulator's node, and the chain's; `up` starts that one."""

    def __init__(self, root):
        self.root = root
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(root, filter="data")
        self.chain = self.rpc = None

    def up(self):
        """Start the chain where the release left it."""
        self.chain = embedded.up(self.root / "network")
        self.rpc = HttpRpc(self.chain.rpc_url)
        for name in (BROKER, REGULATOR):
            configure(self.root / name, {"chain": {"rpc_url": self.chain.rpc_url}})
        return self

    def down(self):
        self.rpc.close()
        embedded.down(self.root / "network")

    def kept(self, name):
        """What others hold of it: `network`, `bundle`, `promises` or `trust`."""
        return json.loads((self.root / f"{name}-1.json").read_bytes())

    def settings(self, name=BROKER):
        return Settings.load(self.root / name)

    def continued(self, **changes):
        """Deploy the contracts that continue it; return the network file."""
        old = self.kept("network")
        former = read_former_network(self.rpc, old["directory"], old["directory_block"])
        made = deploy(self.rpc, Keystore.generate().signer(), founders_of(former), veto_blocks=0, former=former)
        return {
            "chain_id": made.chain_id,
            "directory": made.directory,
            "directory_block": made.directory_block,
            "contracts": {contract.name: contract.address for contract in made.contracts},
            **changes,
        }
