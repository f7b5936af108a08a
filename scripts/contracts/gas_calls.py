"""A small consortium that makes every writing call of the contracts, and notes the gas of each."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.crypto import keccak
from web3 import Web3

from evidence.log.tree import Tree
from node_adapter.chain import embedded

ARTIFACTS = Path(embedded.__file__).parent / "artifacts"
BROKER, REGULATOR = 1, 2
ED25519 = 1
ANCHOR_SIZES = (1, 1_000, 1_001, 10_000, 65_536, 65_537, 100_000)
# Leaves of an EvidenceLog: the first anchor, the next one, and those after trees of few or of most peaks.
LOG_SEQS = (2, 3, 1_000, 1_000_000, 2**20, 2**23 + 1, 2**23)
NOBODY = "0x" + "0" * 40
EMPTY_ROOT = hashlib.sha256().digest()
FAR = 2**40  # seconds: later than any clock of a test
# What an owner signs for a member to send.
SET_ATTRIBUTE = "SetAttribute(address identity,bytes32 name,bytes value,uint256 validity,"
REVOKE_ATTRIBUTE = "RevokeAttribute(address identity,bytes32 name,bytes value,"
CHANGE_OWNER = "ChangeOwner(address identity,address newOwner,"
END = "uint256 nonce,uint256 deadline)"


class Calls:
    """A chain with two brokers and a regulator, the contracts, and what their calls used."""

    def __init__(self, url: str) -> None:
        """Deploy everything; the keys are derived from telling names and hold nothing."""
        self.web3 = Web3(Web3.HTTPProvider(url))
        self.used: dict[str, dict[str, int]] = {}
        self.east, self.west, self.regulator, self.client = map(account, ("east", "west", "regulator", "client"))
        founders = [
            (self.east.address, BROKER, "east", keys("east")),
            (self.west.address, BROKER, "west", keys("west")),
            (self.regulator.address, REGULATOR, "regulator", keys("regulator")),
        ]
        self.members = self.deploy("MemberRegistry", founders, 0)
        self.dids = self.deploy("DidRegistry", self.members.address, NOBODY)
        self.anchors = self.deploy("EvidenceAnchor", self.members.address)
        self.log = self.deploy("EvidenceLog", self.members.address, self.anchors.address, NOBODY)
        self.consents = self.deploy("ConsentRegistry", self.members.address, self.dids.address)
        self.tasks = self.deploy("TaskRegistry", self.members.address)
        names = [bytes32(name) for name in ("DidRegistry", "EvidenceAnchor")]
        self.directory = self.deploy(
            "Directory", self.members.address, NOBODY, names, [self.dids.address, self.anchors.address]
        )
        self.convictions = self.deploy("ConvictionRegistry", self.members.address)

    def make_all(self) -> None:
        """Make every call, in an order in which each is allowed."""
        self.anchor()
        self.anchor_in_the_log()
        self.identities()
        self.identities_by_signature()
        self.consents_of_a_client()
        self.a_task_completed()
        self.a_task_refused()
        self.convicted()
        self.votes()

    def anchor(self) -> None:
        """Anchor logs of growing size, then a heartbeat."""
        tree, size, seq = Tree(), 0, 0
        root = hashlib.sha256().digest()
        for new_size in (*ANCHOR_SIZES, ANCHOR_SIZES[-1]):
            tree.extend(digest("record", str(number)) for number in range(size, new_size))
            proof = tree.consistency(size, new_size) if 0 < size < new_size else []
            seq, previous, root = seq + 1, root, tree.root()
            kind = f"{size} -> {new_size}, {len(proof)} nodes" if new_size > size else "heartbeat"
            map_root = digest("map", str(new_size))
            self.call(self.east, self.anchors, f"anchor, {kind}", seq, previous, root, new_size, map_root, proof)
            size = new_size

    def anchor_in_the_log(self) -> None:
        """Anchor a batch at leaves near and far: the state before a far one is set, as if its leaves had been made."""
        size, map_root = ANCHOR_SIZES[-1], bytes(32)
        for seq in LOG_SEQS:
            size += 100
            peaks = [digest("peak", str(number)) for number in range((seq - 1).bit_count())] if seq > 2 else []
            self.set_log(seq - 1, peaks, size - 100)
            batch, map_root = digest("batch", str(seq)), digest("map", str(seq))
            label = f"anchor, leaf {seq}, {len(peaks)} peaks"
            self.call(self.east, self.log, label, seq, peaks, batch, size, map_root)
        last, peaks = LOG_SEQS[-1], [digest("peak")]
        self.set_log(last, peaks, size)
        self.call(self.east, self.log, "anchor, heartbeat, 1 peak", last + 1, peaks, EMPTY_ROOT, size, map_root)

    def set_log(self, seq: int, peaks: list[bytes], size: int) -> None:
        """Store what EvidenceLog keeps of a tree with these peaks: head, map root (as it is), size and seq."""
        if not peaks:
            return
        root = peaks[-1]
        for peak in reversed(peaks[:-1]):
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        head = hashlib.sha256(b"\x02" + seq.to_bytes(8) + root).digest()
        first = int.from_bytes(keccak(address32(self.east.address) + bytes(32)))
        for slot, value in ((first, head), (first + 2, (seq << 64 | size).to_bytes(32))):
            arguments = [self.log.address, f"0x{slot:064x}", "0x" + value.hex()]
            self.web3.provider.make_request("anvil_setStorageAt", arguments)  # type: ignore[arg-type]

    def identities(self) -> None:
        """Let an owner write himself, and a member send what another owner signed (EIP-712)."""
        person, other, identity = account("person"), account("delegate").address, account("person").address
        name, value, kind = bytes32("did/pub/Ed25519/veriKey/hex"), digest("a key"), bytes32("sigAuth")
        self.call(person, self.dids, "setAttribute", identity, name, value, 1)
        self.call(person, self.dids, "revokeAttribute", identity, name, value)
        self.call(person, self.dids, "addDelegate", identity, kind, other, FAR)
        self.call(person, self.dids, "revokeDelegate", identity, kind, other)
        self.call(person, self.dids, "changeOwner", identity, other)
        identity = self.client.address
        for which in ("first", "next"):
            self.sponsored(f"setAttributeSponsored, {which}", SET_ATTRIBUTE, name=name, value=value, validity=1)
        self.sponsored("revokeAttributeSponsored", REVOKE_ATTRIBUTE, name=name, value=value)
        self.sponsored("changeOwnerSponsored", CHANGE_OWNER, newOwner=self.client.address)

    def sponsored(self, label: str, struct: str, **values: Any) -> None:
        """Let a member send what the client signed for its own identity."""
        identity = self.client.address
        nonce = self.dids.functions.sponsoredNonce(identity).call()
        signed = {"identity": identity, **values, "nonce": nonce, "deadline": FAR}
        sig = self.sign(self.client, self.dids, "Bonafides DidRegistry", struct + END, signed)
        self.call(self.east, self.dids, label, identity, *values.values(), FAR, sig)

    def identities_by_signature(self) -> None:
        """Let anyone send what an owner signed as ERC-1056 says."""
        owner, other = account("signer"), account("delegate").address
        name, value, kind = bytes32("did/pub/Ed25519/veriKey/hex"), digest("a key"), bytes32("sigAuth")
        number = FAR.to_bytes(32)
        address = bytes.fromhex(other[2:])
        for label, signed, arguments in (
            ("setAttributeSigned", name + value + number, (name, value, FAR)),
            ("revokeAttributeSigned", name + value, (name, value)),
            ("addDelegateSigned", kind + address + number, (kind, other, FAR)),
            ("revokeDelegateSigned", kind + address, (kind, other)),
            ("changeOwnerSigned", address, (other,)),
        ):
            nonce = self.dids.functions.nonce(owner.address).call()
            head = b"\x19\0" + bytes.fromhex(self.dids.address[2:]) + nonce.to_bytes(32)
            call = bytes.fromhex(owner.address[2:]) + label.removesuffix("Signed").encode() + signed
            sig = owner.unsafe_sign_hash(Hash32(keccak(head + call)))
            parts = (sig.v, sig.r.to_bytes(32), sig.s.to_bytes(32))
            self.call(self.east, self.dids, label, owner.address, *parts, *arguments)

    def consents_of_a_client(self) -> None:
        """Grant a consent and withdraw it."""
        identity, consent = self.client.address, digest("a consent")
        values = {"identity": identity, "consentId": consent, "deadline": FAR}
        for name in ("grant", "withdraw"):
            struct = f"{name.title()}(address identity,bytes32 consentId,uint256 deadline)"
            sig = self.sign(self.client, self.consents, "Bonafides ConsentRegistry", struct, values)
            self.call(self.east, self.consents, name, identity, consent, FAR, sig)

    def a_task_completed(self) -> None:
        """Carry a task of two owners from its data sets to its result."""
        owners, task, spec = (("east", self.east), ("west", self.west)), digest("a task"), digest("a specification")
        for name, owner in owners:
            self.call(owner, self.tasks, f"registerDataset, {name}", digest(name), digest("schema"))
        self.call(self.east, self.tasks, "propose", task, spec, 4, [digest(name) for name, _ in owners], FAR)
        values = {"taskId": task, "specHash": spec}
        for (name, owner), which in zip(owners, ("first", "last"), strict=True):
            key, struct = account(f"{name} compliance"), "Approve(bytes32 taskId,bytes32 specHash)"
            sig = self.sign(key, self.tasks, "Bonafides TaskRegistry", struct, values)
            self.call(owner, self.tasks, f"approve, {which}", task, sig)
        for step, content in (("commit", bytes(48)), ("postResult", digest("a result"))):
            for (_, owner), which in zip(owners, ("first", "last"), strict=True):
                self.call(owner, self.tasks, f"{step}, {which}", task, content)

    def a_task_refused(self) -> None:
        """Let an owner refuse what was proposed."""
        task = digest("another task")
        self.call(self.east, self.tasks, "propose, one owner", task, digest("spec"), 4, [digest("east")], FAR)
        self.call(self.east, self.tasks, "refuse", task, digest("a reason"))

    def convicted(self) -> None:
        """Record a document against a member, and one more."""
        for which in ("first", "next"):
            label = f"record, {which}"
            self.call(self.east, self.convictions, label, self.west.address, 3, digest(f"a document, {which}"))

    def votes(self) -> None:
        """Change keys, and carry an action, an admission and a suspension through; veto another."""
        south = account("south")
        self.call(self.east, self.members, "rotateKeys", digest("call 1"), keys("east, next"))
        name, target = bytes32("DidRegistry"), self.consents.address
        action = keccak(bytes(12) + bytes.fromhex(self.directory.address[2:]) + name + address32(target))
        self.carry("an action", "proposeAction", digest("call 2"), action)
        self.call(self.east, self.directory, "enact", 1, name, target)
        self.carry("an admission", "proposeAdmission", digest("call 3"), south.address, BROKER, "south", keys("south"))
        self.carry("a suspension", "proposeSuspension", digest("call 4"), south.address)
        self.call(self.east, self.members, "proposeAction, to be vetoed", digest("call 5"), digest("an action"))
        self.call(self.regulator, self.members, "veto", 4)

    def carry(self, what: str, propose: str, *arguments: Any) -> None:
        """Propose, vote with both brokers, and execute."""
        proposal = len([call for call in self.used["MemberRegistry"] if call.startswith("propose")]) + 1
        self.call(self.east, self.members, propose, *arguments)
        for voter, which in ((self.east, "first"), (self.west, "second")):
            self.call(voter, self.members, f"vote, {what}, {which}", proposal)
        self.call(self.east, self.members, f"execute, {what}", proposal)

    def deploy(self, name: str, *arguments: Any) -> Any:
        """Deploy a contract from its artifact and note the gas."""
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
        factory = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        receipt = self.send(self.east, f"{name}.deploy", factory.constructor(*arguments))
        self.used[name] = {"deploy": receipt["gasUsed"]}
        contract = self.web3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])
        contract.name = name
        return contract

    def call(self, sender: LocalAccount, contract: Any, label: str, *arguments: Any) -> None:
        """Make a call and note its gas under `label`: the function's name, a comma, and what tells it from others."""
        function = contract.functions[label.partition(",")[0]]
        receipt = self.send(sender, f"{contract.name}.{label}", function(*arguments))
        self.used[contract.name][label] = receipt["gasUsed"]

    def send(self, sender: LocalAccount, label: str, call: Any) -> Any:
        """Send a call, wait for it and return its receipt.

        The limit is given, because an estimate at block 0 takes writing `block.number` for writing nothing.
        """
        nonce = self.web3.eth.get_transaction_count(sender.address)
        transaction = call.build_transaction({"from": sender.address, "nonce": nonce, "gas": 8_000_000, "gasPrice": 0})
        raw = sender.sign_transaction(transaction).raw_transaction
        sent = self.web3.eth.send_raw_transaction(raw)
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if receipt["status"] != 1:
            raise SystemExit(f"gas: {label} failed")
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


def account(name: str) -> LocalAccount:
    """Derive a throw-away account from a name."""
    made: LocalAccount = Account.from_key(digest(f"gas of {name}"))
    return made


def keys(name: str) -> tuple[int, bytes, bytes, bytes, str]:
    """Derive a member's keys: Ed25519 signing, checkpoint and agreement, and the address of the compliance key."""
    signing, checkpoint, agreement = (digest(name, key) for key in ("signing", "checkpoint", "agreement"))
    return ED25519, signing, checkpoint, agreement, account(f"{name} compliance").address


def digest(*words: str) -> bytes:
    """Make 32 bytes from words."""
    return hashlib.sha256("\0".join(words).encode()).digest()


def bytes32(text: str) -> bytes:
    """Pad a name with zeros on the right."""
    return text.encode().ljust(32, b"\0")


def address32(address: str) -> bytes:
    """Pad an address with zeros on the left, as `abi.encode` does."""
    return bytes(12) + bytes.fromhex(address[2:])
