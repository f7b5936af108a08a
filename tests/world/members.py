"""Several members whose nodes ask each other, each through the other's whole HTTP interface."""

from __future__ import annotations

from node_adapter.peers.client import PATH as MESSAGES
from node_adapter.ports import PeerAnswer
from node_adapter.workflows.anchoring.cosigning import ask_witness, other_members
from primitives.errors import CouldNotCheck, Refused
from primitives.suites import DEFAULT
from tests.world.broker import Broker
from tests.world.clock import Clock
from tests.world.keys import keystore_of

ROLES = {"north": "broker", "south": "broker", "regulator": "regulator"}


class Members:
    """The members of a chain, of whom some may be down."""

    def __init__(self, directory, chain, roles=None, clock=None, suites=None):
        self.down = set()
        self.asked = []
        self.products = {}
        roles = roles or ROLES
        urls = {keystore_of(name).address: f"http://{name}.example" for name in roles}
        self.clock = clock or Clock()
        self.by_name = {}
        for name, role in roles.items():
            peers = {address: url for address, url in urls.items() if address != keystore_of(name).address}
            suite = (suites or {}).get(name, DEFAULT)
            node = {"clock": self.clock, "peers": peers, "ask": self.ask, "send": self.send, "suite": suite}
            self.by_name[name] = Broker(directory / name, chain, name, role, **node)

    def __getitem__(self, name):
        return self.by_name[name]

    def more(self, name):
        """Let a broker log something more and anchor it; return the anchor's row."""
        broker = self[name]
        if name not in self.products:
            self.products[name] = broker.enrol_product("fund-1")
        broker.rate(self.products[name])
        return broker.anchor()

    def close(self):
        for member in self.by_name.values():
            member.store.dispose()

    def ask(self, url, content, content_type, *, max_bytes):
        """What HTTP does between two nodes."""
        name, _, path = url.removeprefix("http://").partition(".example")
        self.asked.append((name, path))
        if name in self.down:
            raise CouldNotCheck("peer-unreachable", f"{url}: ConnectError")
        answer = self[name].http.post(path, data=content, content_type=content_type)
        assert len(answer.data) <= max_bytes
        if answer.status_code >= 500:
            raise CouldNotCheck("peer-failed", f"{url} answered {answer.status_code}")
        return PeerAnswer(answer.status_code, answer.headers["Content-Type"], answer.data)

    def send(self, url, message):
        """What a signed message is answered."""
        name, _, _ = url.removeprefix("http://").partition(".example")
        self.asked.append((name, MESSAGES))
        if name in self.down:
            raise CouldNotCheck("peer-unreachable", f"{url}: ConnectError")
        answer = self[name].post(MESSAGES, message, role=None)
        if answer.status_code >= 400:
            raise Refused("peer-refused", f"{url} refuses: {answer.get_json()['code']}")
        return answer.get_json()

    def cosign(self, name, asking=None):
        """Let a broker ask whoever lacks its newest checkpoint, one after another, or as `asking` does it."""
        node = self[name].node
        if asking is not None:
            for thread in asking.step():
                thread.join()
            return
        with node.store.read() as connection:
            others = list(other_members(node, connection))
        for address in others:
            ask_witness(node, address)
