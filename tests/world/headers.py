"""A chain whose blocks have real headers, states, receipts and logs, though nobody sealed them: what a bundle proves
from."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_hash.auto import keccak

from evidence.chain.engine import Log
from evidence.chain.engines import KEPT_HEADERS, KEPT_PROOFS
from node_adapter.chain.abi import contract_abi
from node_adapter.chain.indexer import json_value
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent
from primitives.suites import DEFAULT
from scripts.vectors.synthetic_chain import SyntheticChain
from tests.world.broker import Broker
from tests.world.chain import CONTRACTS, Chain
from tests.world.chain_state import ContractState, StateOfBlock
from tests.world.clock import Clock
from tests.world.keys import keystore_of

NAMES = {address: name for name, address in CONTRACTS.items()}
MEMBER = "Broker North <b>&"


class _Timed(SyntheticChain):
    """Blocks bear the clock's time, and the root of what the contracts keep after their events."""

    def __init__(self, clock):
        self.clock = clock
        self.contracts = ContractState()
        self.states = [StateOfBlock(self.contracts.accounts())]  # by block
        super().__init__()

    def state_root(self, number):
        return self.states[number].root

    def take(self, events):
        """Let the contracts of the next block take its events (contract, name, arguments)."""
        number = len(self.headers)
        self.contracts.take(number, self.time(number), events)
        self.states.append(StateOfBlock(self.contracts.accounts()))

    def time(self, number):
        return self._times[number] if number < len(self._times) else self.clock.now // 1000


class HeaderChain(Chain):
    """Its events are read back from the receipts, as the indexer reads them."""

    first_block = 0

    def __init__(self, clock):
        super().__init__()
        self.made = _Timed(clock)
        self.tell(*self._read(0))

    def state(self, wanted):
        """Take proofs at the newest block: the port `StateSource`."""
        return self.state_at(self.made.head, wanted)

    def state_at(self, number, wanted):
        return self.made.states[number].prove(self.made.headers[number], wanted)

    def next_time(self):
        return self.made.time(self.made.head + 1)

    def make(self, events):
        self.made.take([(contract, name, args) for contract, name, _, args in events])
        logs = [_log(contract, name, args) for contract, name, _, args in events]
        return self._read(self.made.add_block([], logs) if logs else self.made.add_block())

    def _read(self, number):
        raw, receipts = self.made.headers[number], self.made.receipts[number]
        header = KEPT_HEADERS.parse(raw, "header")
        found = []
        for index, placed in enumerate(KEPT_PROOFS.open_all(header, receipts)):
            contract, topics = NAMES[placed.log.address], placed.log.topics
            event = contract_abi(contract).decode_event(topics, placed.log.data)
            transaction = keccak(b"%d %d" % (number, placed.tx_index))
            args = {name: json_value(value) for name, value in event.args.items()}
            place = (number, index, placed.tx_index, placed.log_position, transaction)
            found.append(ChainEvent(*place, placed.log.address, contract, event.name, "0x" + topics[1].hex(), args))
        return ChainBlock(number, header.hash, header.parent, header.timestamp, raw, tuple(receipts)), found


def _log(contract, name, args):
    """Return the log of an event of one of our contracts, from the arguments' JSON form."""
    [event] = [entry for entry in contract_abi(contract).events.values() if entry.name == name]
    topics, types, values = [event.hash], [], []
    for parameter in event.inputs:
        stated = args[parameter.name]
        value = bytes.fromhex(stated.removeprefix("0x")) if parameter.type.startswith("bytes") else stated
        if parameter.indexed:
            topics.append(encode([parameter.type], [value]))
        else:
            types.append(parameter.type)
            values.append(value)
    return Log(CONTRACTS[contract], tuple(topics), encode(types, values))


def over_headers(directory, *, packaged="sac-bands@1", suite=DEFAULT, **more):
    """Return a broker whose node follows such a chain; each reading of its clock takes a second."""
    clock = Clock(step_ms=1000)
    chain = HeaderChain(clock)
    chain.admit(MEMBER, keys=keystore_of(MEMBER, suite))
    chain.deploy()
    broker = Broker(directory, chain, MEMBER, clock=clock, suite=suite, **more)
    broker.install(packaged)
    return broker
