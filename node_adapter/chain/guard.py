"""Before anything is read or sent: is this the chain that the database belongs to?"""

from __future__ import annotations

from eth_hash.auto import keccak

from node_adapter.chain.abi import CONTRACTS
from node_adapter.chain.contracts import Contracts, code_at
from node_adapter.chain.embedded import CLIENT_PREFIX, refuse_in_production
from node_adapter.chain.errors import ChainUnavailable, HistoryMismatch, WrongChain
from node_adapter.chain.rpc import quantity
from node_adapter.ports import ChainRpc
from node_adapter.settings import Settings
from node_adapter.store import identity
from node_adapter.store.engine import Store


def check_chain(store: Store, rpc: ChainRpc, contracts: Contracts, settings: Settings) -> None:
    """Compare the chain with the settings and with what the database was made for; the first time, note it there.

    Raises:
        WrongChain: another chain id, genesis, member, Directory or contract code.
        HistoryMismatch: the chain ends before our contracts.
        Refused: `embedded-in-production`.
        ChainUnavailable: nobody answers.
    """
    chain_id_text, genesis, head, client = rpc.batch(
        [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", [quantity(0), False]),
            ("eth_blockNumber", []),
            ("web3_clientVersion", []),
        ]
    )
    if genesis is None:
        raise ChainUnavailable("the chain's node does not give block 0; it may still be starting")
    if str(client).startswith(CLIENT_PREFIX):
        refuse_in_production()
    chain_id = int(chain_id_text, 16)
    if chain_id != settings.chain.chain_id:
        raise WrongChain(f"the chain's id is {chain_id}; node.toml says chain.chain_id = {settings.chain.chain_id}")
    facts = {
        "chain_id": str(chain_id),
        "genesis": str(genesis["hash"]),
        "member": settings.member.address,
        "directory": settings.chain.directory,
    }
    _compare(store, facts)  # before the code: another genesis says more than a missing contract
    if int(head, 16) < settings.chain.directory_block:
        raise HistoryMismatch(
            f"the chain ends at block {int(head, 16)} and our contracts begin at {settings.chain.directory_block}: it "
            "was reset; bring its state back, or deploy the contracts again and make new nodes"
        )
    _compare(store, {f"code:{address}": _code_hash(rpc, address) for address in _addresses(rpc, contracts)})


def _addresses(rpc: ChainRpc, contracts: Contracts) -> list[str]:
    _code_hash(rpc, contracts.directory)
    contracts.forget_addresses()
    return [contracts.address_of(name) for name in CONTRACTS]


def _code_hash(rpc: ChainRpc, address: str) -> str:
    code = code_at(rpc, address)
    if not code:
        raise WrongChain(f"there is no contract at {address}, where one of ours must be")
    return keccak(code).hex()


def _compare(store: Store, facts: dict[str, str]) -> None:
    with store.read() as connection:
        known = {key: identity.get(connection, key) for key in facts}
    for key, value in facts.items():
        if known[key] not in (None, value):
            raise WrongChain(f"{key} is {value}; this database was made for {known[key]}")
    new = {key: value for key, value in facts.items() if known[key] is None}
    if new:
        with store.write() as connection:
            for key, value in new.items():
                identity.put(connection, key, value)
