"""What the indexers of all nodes see: each event in a block of its own, with the arguments' JSON form."""

from __future__ import annotations

import hashlib

from node_adapter.chain.abi import directory_name
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent, address_topic
from primitives.suites import DEFAULT
from tests.world.clock import START
from tests.world.keys import keystore_of

CHAIN_ID = 31_337
VALIDITY = 10 * 365 * 86_400
CONTRACTS = {
    name: "0x" + format(index + 160, "02x") * 20
    for index, name in enumerate(
        (
            "MemberRegistry",
            "DidRegistry",
            "EvidenceAnchor",
            "ConsentRegistry",
            "TaskRegistry",
            "Directory",
            "EvidenceLog",
            "ConvictionRegistry",
        )
    )
}


class Chain:
    """Blocks of one transaction each, and the registries' words for what happens in them."""

    first_block = 1

    def __init__(self):
        self.nodes = []
        self.height = 0
        self.time = START // 1000  # of block 0; a test moves it ahead
        self.known = []
        self.changed = {}
        self.spent = {}
        self.keys = {}  # address -> the member's key set and its version
        self.logs = {}  # address -> number and size of the broker's last anchor

    def join(self, node):
        self.nodes.append(node)
        with node.store.write() as connection:
            for block, events in self.known:
                event_log.append(connection, [block], events)

    def reach(self, time):
        """Let the next block be of a time (in seconds), or of a later one."""
        self.time = max(self.time, time - self.height - 1)

    def next_time(self):
        """The time of the next block, in seconds."""
        return self.time + self.height + 1

    def block(self, *events):
        """Put events (contract, name, first topic, arguments) into a block; return its number."""
        self.height += 1
        self.tell(*self.make(events))
        return self.height

    def cut(self, last):
        """End at a block: what came after it never was. The nodes' indexes are the test's business."""
        self.known = [(block, events) for block, events in self.known if block.number <= last]
        self.height, self.logs = last, {}
        for _, events in self.known:
            for event in events:
                if (event.contract, event.name) == ("EvidenceLog", "Anchored"):
                    self.logs[event.args["member"]] = (event.args["seq"], event.args["sizeAfter"])

    def make(self, events):
        digest = hashlib.sha256(b"block %d" % self.height).digest()
        block = ChainBlock(self.height, digest, bytes(32), self.time + self.height, b"", ())
        return block, [
            ChainEvent(self.height, index, 0, index, digest, CONTRACTS[contract], contract, name, topic, args)
            for index, (contract, name, topic, args) in enumerate(events)
        ]

    def tell(self, block, found):
        self.known.append((block, found))
        for node in self.nodes:
            with node.store.write() as connection:
                event_log.append(connection, [block], found)

    def change(self, contract, name, address, args, *before):
        """An event of a registry that links the changes of a subject; `before` are events of the same call."""
        previous = self.changed.get((contract, address), 0)
        event = (contract, name, address_topic(address), {**args, "previousChange": previous})
        self.changed[contract, address] = self.block(*before, event)
        return self.height

    def deploy(self):
        names = {name: "0x" + directory_name(name).hex() for name in CONTRACTS if name != "Directory"}
        stated = {"fromBlock": 1, "previous": "0x" + "00" * 20}
        self.block(
            *(
                ("Directory", "AddressSet", topic, {"name": topic, "target": CONTRACTS[name], **stated})
                for name, topic in names.items()
            )
        )

    def admit(self, name, role=1, keys=None):
        keys = keys or keystore_of(name)
        who = {"member": keys.address, "role": role, "name": name}
        self._hold(keys.address, keys)
        return self.change("MemberRegistry", "MemberAdmitted", keys.address, {**who, **_public(keys)})

    def rotate(self, name, keys):
        """A member's change of keys (`node_adapter.keys.member_keys.MemberKeys`)."""
        address = keystore_of(name).address
        self._hold(address, keys)
        return self.change("MemberRegistry", "MemberKeysChanged", address, {"member": address, **_public(keys)})

    def suspend(self, name):
        address = keystore_of(name).address
        return self.change("MemberRegistry", "MemberSuspended", address, {"member": address})

    def anchored(self, address, *, seq, batch_root, size, map_root):
        """A broker's anchor, and with its first one the opening of its log; the contract makes the rest of the leaf."""
        last, before = self.logs.get(address, (1, 0))
        assert seq == last + 1, f"the contract expects anchor {last + 1}"
        keys, version = self.keys[address]
        time = self.next_time()
        events = [
            self._of_log(
                "Anchored",
                address,
                seq=seq,
                batchRoot=_hex(batch_root),
                sizeBefore=before,
                sizeAfter=size,
                mapRoot=_hex(map_root),
                time=time,
                keysDigest=_hex(keys.digest()),
                keyVersion=version,
            )
        ]
        if address not in self.logs:
            former = {"former": CONTRACTS["EvidenceAnchor"], "formerSeq": 0, "formerSize": 0}
            nothing = {"formerRoot": _hex(bytes(32)), "formerMapRoot": _hex(bytes(32))}
            events.insert(0, self._of_log("LogOpened", address, **former, **nothing, time=time))
        self.logs[address] = (seq, size)
        return self.block(*events)

    def _of_log(self, name, address, **args):
        return "EvidenceLog", name, address_topic(address), {"member": address, **args}

    def _hold(self, address, keys):
        _, version = self.keys.get(address, (None, 0))
        self.keys[address] = _key_set(keys), version + 1

    def set_endpoint(self, name, url, *, held=True):
        """Where a member's node is, as its DID says; `held` False revokes it."""
        value = {"name": b"did/svc/BonafidesNode".ljust(32, b"\0"), "value": url.encode()}
        return self._attribute(keystore_of(name).address, **value, validity=VALIDITY if held else 0)

    def set_key(self, address, public, validity=VALIDITY, suite=DEFAULT):
        """A key set as attribute by a sponsored call; `validity` 0 revokes it."""
        nonce = self.spent.get(address, 0)
        self.spent[address] = nonce + 1
        args = {"identity": address, "nonce": nonce}
        sponsored = ("DidRegistry", "DIDCallSponsored", address_topic(address), args)
        return self._attribute(address, sponsored, name=suite.attribute, value=public, validity=validity)

    def _attribute(self, address, *before, name, value, validity):
        args = {
            "identity": address,
            "name": "0x" + name.hex(),
            "value": "0x" + value.hex(),
            "validTo": START // 1000 + validity if validity else 0,
        }
        return self.change("DidRegistry", "DIDAttributeChanged", address, args, *before)

    def consent(self, name, consent_id):
        return self.block(("ConsentRegistry", name, "0x" + consent_id, {"consentId": "0x" + consent_id}))


def _hex(value):
    return "0x" + value.hex()


def _key_set(keys):
    return getattr(keys, "newest", keys).registered


def _public(keys):
    held = _key_set(keys)
    return {
        "algorithm": held.algorithm,
        "signing": _hex(held.signing),
        "checkpoint": _hex(held.checkpoint),
        "agreement": _hex(held.agreement),
        "compliance": held.compliance,
    }
