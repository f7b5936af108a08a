"""Putting the contracts on a chain, and looking at them there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from node_adapter.chain.abi import CONVICTIONS, KNOWN, LATER, LOG_OF_ANCHORS, contract_abi, directory_name
from node_adapter.chain.contracts import DIRECTORY, Contracts, code_at, reverted
from node_adapter.chain.errors import ChainUnavailable, JsonRpcError, WrongChain
from node_adapter.chain.former_network import ANCHORS, FormerNetwork
from node_adapter.chain.founder import Founder
from node_adapter.patience import Patience
from node_adapter.ports import ChainRpc, TransactionSigner
from primitives.address import NO_ADDRESS
from primitives.errors import Refused

_RECEIPT_SECONDS = 60.0
_POLL_SECONDS = 0.02
_GAS_MARGIN_PERCENT = 120


@dataclass(frozen=True)
class DeployedContract:
    """One contract on the chain."""

    name: str
    address: str
    block: int
    gas_used: int


@dataclass(frozen=True)
class Deployment:
    """What `node.toml` needs to know: the Directory, and the block of the first of the contracts."""

    chain_id: int
    directory: str
    directory_block: int
    contracts: tuple[DeployedContract, ...]


@dataclass(frozen=True)
class ContractStatus:
    """A contract that the Directory names. `history` are earlier addresses with the block from which each held."""

    name: str
    address: str
    code_bytes: int
    history: tuple[tuple[str, int], ...]


def deploy(
    rpc: ChainRpc,
    signer: TransactionSigner,
    founders: Sequence[Founder],
    *,
    veto_blocks: int,
    former: FormerNetwork | None = None,
) -> Deployment:
    """Deploy all contracts, the Directory last; those that continue release 1 keep its `EvidenceAnchor`.

    Args:
        rpc: the chain's node.
        signer: who pays (nothing, on a chain without fees); it gets no right by it.
        founders: the founding members.
        veto_blocks: for how many blocks a regulator may veto a proposal.
        former: the consortium of release 1 whose logs go on; its `EvidenceAnchor` takes the name again.

    Raises:
        ContractReverted: a constructor refuses, such as for a founder named twice.
        ChainUnavailable: nobody answers.
    """
    chain_id = int(rpc.call("eth_chainId"), 16)
    done: dict[str, DeployedContract] = {}

    def create(name: str, *arguments: object) -> str:
        done[name] = _create(rpc, signer, chain_id, name, arguments)
        return done[name].address

    registry = create("MemberRegistry", [founder.to_abi() for founder in founders], veto_blocks)
    dids = create("DidRegistry", registry, NO_ADDRESS)  # no former contract: these are the first
    if former is None:
        anchors = create(ANCHORS, registry)
    else:
        anchors = former.anchors
        done[ANCHORS] = DeployedContract(ANCHORS, anchors, done["MemberRegistry"].block, 0)
    create(LOG_OF_ANCHORS, registry, anchors, NO_ADDRESS)
    create("ConsentRegistry", registry, dids)
    create("TaskRegistry", registry)
    create(CONVICTIONS, registry)
    names = [name for name in KNOWN if name != DIRECTORY]
    targets = [done[name].address for name in names]
    directory = create(DIRECTORY, registry, NO_ADDRESS, [directory_name(name) for name in names], targets)
    first = min(contract.block for contract in done.values())
    return Deployment(chain_id, directory, first, tuple(done[name] for name in KNOWN))


def deploy_convictions(rpc: ChainRpc, signer: TransactionSigner, directory: str) -> DeployedContract:
    """Deploy the `ConvictionRegistry` of a consortium that has none; it counts once the members have named it.

    Raises:
        Refused: `contract-named`, the Directory names one.
        WrongChain: there is no Directory of ours.
        ChainUnavailable: nobody answers.
    """
    contracts = Contracts(rpc, directory)
    if contracts.is_named(CONVICTIONS):
        raise Refused("contract-named", f"the Directory {directory} names a {CONVICTIONS} already")
    registry = contracts.address_of("MemberRegistry")
    return _create(rpc, signer, int(rpc.call("eth_chainId"), 16), CONVICTIONS, (registry,))


def contract_status(rpc: ChainRpc, directory: str) -> list[ContractStatus]:
    """Return every contract that a Directory names, itself included.

    Raises:
        WrongChain: there is no Directory at that address.
    """
    if not code_at(rpc, directory):
        raise WrongChain(f"there is no Directory at {directory}")
    contracts = Contracts(rpc, directory)
    found = [ContractStatus(DIRECTORY, directory, len(code_at(rpc, directory)), ())]
    for name in KNOWN:
        if name == DIRECTORY:
            continue
        (entries,) = contracts.read(DIRECTORY, "history", directory_name(name))
        if name in LATER and not entries:
            continue  # the members of an earlier release may still vote for it
        address = contracts.address_of(name)
        history = tuple((str(target).lower(), int(block)) for target, block in entries)
        found.append(ContractStatus(name, address, len(code_at(rpc, address)), history))
    return found


def send_and_wait(
    rpc: ChainRpc, signer: TransactionSigner, chain_id: int, to: str | None, data: bytes
) -> dict[str, str]:
    """Send one transaction outside any outbox and wait for its receipt: for set-up, not for a node.

    Raises:
        ContractReverted: the contract refuses.
        ChainUnavailable: no receipt in time.
    """
    call = {"from": signer.address, "data": "0x" + data.hex()} | ({"to": to} if to else {})
    try:
        gas = int(rpc.call("eth_estimateGas", call), 16)
    except JsonRpcError as error:
        raise reverted(error) from error
    block = rpc.call("eth_getBlockByNumber", "latest", False)
    raw, tx_hash = signer.sign_transaction(
        {
            "nonce": int(rpc.call("eth_getTransactionCount", signer.address, "latest"), 16),
            "gasPrice": 2 * int(block.get("baseFeePerGas") or "0x0", 16),
            "gas": min(gas * _GAS_MARGIN_PERCENT // 100, int(block["gasLimit"], 16)),
            "to": bytes.fromhex(to[2:]) if to else b"",
            "value": 0,
            "data": data,
            "chainId": chain_id,
        }
    )
    rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
    patience = Patience(_RECEIPT_SECONDS)
    while not patience.is_over():
        receipt: dict[str, str] | None = rpc.call("eth_getTransactionReceipt", "0x" + tx_hash.hex())
        if receipt is not None:
            if receipt["status"] != "0x1":
                raise Refused("transaction-reverted", f"transaction 0x{tx_hash.hex()} reverted")
            return receipt
        time.sleep(_POLL_SECONDS)
    raise ChainUnavailable(f"no receipt of 0x{tx_hash.hex()} came in time")


def _create(
    rpc: ChainRpc, signer: TransactionSigner, chain_id: int, name: str, arguments: Sequence[object]
) -> DeployedContract:
    receipt = send_and_wait(rpc, signer, chain_id, None, contract_abi(name).encode_deploy(arguments))
    address = receipt["contractAddress"].lower()
    return DeployedContract(name, address, int(receipt["blockNumber"], 16), int(receipt["gasUsed"], 16))
