"""Print what the calls of the contracts cost in gas, measured on an embedded chain of its own."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3

from evidence.log import Tree
from node_adapter.chain import embedded

ARTIFACTS = Path(embedded.__file__).parent / "artifacts"
BROKER, REGULATOR = 1, 2
ANCHOR_SIZES = (1, 1_000, 1_001, 10_000, 65_536, 65_537, 100_000)
FAR = 2**40  # seconds: later than any clock of a test


class Bench:
    """A chain with a broker, a second one and a regulator, and the contracts."""

    def __init__(self, url: str) -> None:
        """Deploy everything; the keys are derived from telling names and hold nothing."""
        self.web3 = Web3(Web3.HTTPProvider(url))
        self.rows: list[tuple[str, int]] = []
        self.east, self.west, self.client = (account(f"gas bench {name}") for name in ("east", "west", "client"))
        regulator = account("gas bench regulator")
        founders = [
            (who.address, role, name, (digest(name, "s"), digest(name, "a"), account(f"{name} compliance").address))
            for who, role, name in (
                (self.east, BROKER, "east"),
                (self.west, BROKER, "west"),
                (regulator, REGULATOR, "regulator"),
            )
        ]
        self.members = self.deploy("MemberRegistry", founders, 0)
        self.dids = self.deploy("DidRegistry", self.members.address)
        self.anchors = self.deploy("EvidenceAnchor", self.members.address)
        self.consents = self.deploy("ConsentRegistry", self.members.address, self.dids.address)
        self.tasks = self.deploy("TaskRegistry", self.members.address)
        names = [name.encode().ljust(32, b"\0") for name in ("DidRegistry", "EvidenceAnchor")]
        self.deploy("Directory", self.members.address, names, [self.dids.address, self.anchors.address])

    def deploy(self, name: str, *arguments: Any) -> Any:
        """Deploy a contract from its artifact and note the gas."""
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
        factory = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        receipt = self.send(f"deploy {name}", factory.constructor(*arguments), self.east)
        return self.web3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])

    def send(self, label: str, call: Any, sender: LocalAccount) -> Any:
        """Send a call, wait for it and note the gas.

        The limit is given, because an estimate at block 0 takes writing `block.number` for writing nothing.
        """
        nonce = self.web3.eth.get_transaction_count(sender.address)
        transaction = call.build_transaction({"from": sender.address, "nonce": nonce, "gas": 8_000_000, "gasPrice": 0})
        raw = sender.sign_transaction(transaction).raw_transaction
        receipt = self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_raw_transaction(raw), poll_latency=0.01)
        if receipt["status"] != 1:
            raise SystemExit(f"gas: {label} failed")
        self.rows.append((label, receipt["gasUsed"]))
        return receipt

    def sign(self, signer: LocalAccount, contract: Any, name: str, struct: str, values: dict[str, Any]) -> bytes:
        """Sign EIP-712 typed data; `struct` is the type as text."""
        kind, _, fields = struct.removesuffix(")").partition("(")
        types = [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in fields.split(",")]
        domain = {
            "name": name,
            "version": "1",
            "chainId": self.web3.eth.chain_id,
            "verifyingContract": contract.address,
        }
        return bytes(signer.sign_message(encode_typed_data(domain, {kind: types}, values)).signature)

    def anchor(self) -> None:
        """Anchor logs of growing size, then a heartbeat."""
        tree, size, seq = Tree(), 0, 0
        root, map_root = hashlib.sha256().digest(), bytes(32)
        for new_size in (*ANCHOR_SIZES, ANCHOR_SIZES[-1]):
            tree.extend(digest("record", str(number)) for number in range(size, new_size))
            proof = tree.consistency(size, new_size) if 0 < size < new_size else []
            seq, previous, root = seq + 1, root, tree.root()
            map_root = digest("map", str(new_size))
            kind = f"anchor {size} -> {new_size}, {len(proof)} nodes" if new_size > size else "anchor heartbeat"
            call = self.anchors.functions.anchor(seq, previous, root, new_size, map_root, proof)
            self.send(kind, call, self.east)
            size = new_size

    def identities_and_consents(self) -> None:
        """Set a client's key, then grant and withdraw a consent."""
        identity = self.client.address
        struct = (
            "SetAttribute(address identity,bytes32 name,bytes value,uint256 validity,uint256 nonce,uint256 deadline)"
        )
        name, value = b"did/pub/Ed25519/veriKey/hex".ljust(32, b"\0"), digest("a key")
        for nonce, label in enumerate(("first", "next")):
            values = {
                "identity": identity,
                "name": name,
                "value": value,
                "validity": 1,
                "nonce": nonce,
                "deadline": FAR,
            }
            sig = self.sign(self.client, self.dids, "Bonafides DidRegistry", struct, values)
            call = self.dids.functions.setAttributeSponsored(identity, name, value, 1, FAR, sig)
            self.send(f"setAttributeSponsored, {label}", call, self.east)
        consent = digest("a consent")
        for kind in ("Grant", "Withdraw"):
            struct = f"{kind}(address identity,bytes32 consentId,uint256 deadline)"
            values = {"identity": identity, "consentId": consent, "deadline": FAR}
            sig = self.sign(self.client, self.consents, "Bonafides ConsentRegistry", struct, values)
            call = self.consents.functions[kind.lower()](identity, consent, FAR, sig)
            self.send(f"consent {kind.lower()}", call, self.east)

    def votes_and_tasks(self) -> None:
        """Carry a vote through, and a task from its data sets to its result."""
        self.send(
            "proposeAction", self.members.functions.proposeAction(digest("a call"), digest("an action")), self.east
        )
        for voter in (self.east, self.west):
            self.send("vote", self.members.functions.vote(1), voter)
        self.send("execute an action", self.members.functions.execute(1), self.east)
        owners, task, spec = {"east": self.east, "west": self.west}, digest("a task"), digest("a specification")
        for name, owner in owners.items():
            self.send("registerDataset", self.tasks.functions.registerDataset(digest(name), digest("schema")), owner)
        datasets = [digest(name) for name in owners]
        self.send("propose a task", self.tasks.functions.propose(task, spec, 4, datasets, FAR), self.east)
        values = {"taskId": task, "specHash": spec}
        for name, owner in owners.items():
            key = account(f"{name} compliance")
            struct = "Approve(bytes32 taskId,bytes32 specHash)"
            sig = self.sign(key, self.tasks, "Bonafides TaskRegistry", struct, values)
            self.send("approve a task", self.tasks.functions.approve(task, sig), owner)
        for owner in owners.values():
            self.send("commit to an input", self.tasks.functions.commit(task, bytes(48)), owner)
        for owner in owners.values():
            self.send("post a result", self.tasks.functions.postResult(task, digest("a result")), owner)


def account(name: str) -> LocalAccount:
    """Derive a throw-away account from a name."""
    made: LocalAccount = Account.from_key(digest(name))
    return made


def digest(*words: str) -> bytes:
    """Make 32 bytes from words."""
    return hashlib.sha256("\0".join(words).encode()).digest()


def main() -> int:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="bonafides-gas-") as folder:
        chain = embedded.up(Path(folder))
        try:
            bench = Bench(chain.rpc_url)
            bench.anchor()
            bench.identities_and_consents()
            bench.votes_and_tasks()
        finally:
            embedded.down(Path(folder))
    for label, gas in bench.rows:
        print(f"{label:45} {gas:>10,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
