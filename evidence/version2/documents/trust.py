"""The trust file `bonafides.trust/2`: a block of a chain, in the word of a signer (docs/spec/evidence-2.md, 10).

A verifier pins the signers' keys. From files that hold together it takes blocks that it trusts, and from one of those
the header of a bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evidence import shapes
from evidence.chain.engine import Header, HeaderRule
from evidence.version2.state.headers import HEADER_RULE_NAME, RULES, follow_validators, state_rule
from primitives.canonical import canonical_json, parse_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Base64Url, Bytes, Constant, Fields, Shape
from primitives.suite import SIGNATURE_BYTES
from primitives.suites import ALG, suite_of_alg

TRUST_FORMAT = "bonafides.trust/2"
CHECK = "trust"
MAX_TRUST_BYTES = 65_536
MAX_TRUST_NODES = 1_000
MAX_VALIDATORS = 500


@dataclass(frozen=True)
class Signer:
    """Who signs a trust file: DID, `alg` of a suite, public key."""

    did: str
    alg: str
    key: bytes


@dataclass(frozen=True)
class TrustedBlock:
    """A block of a chain and what was said with it.

    Attributes:
        chain_id: of the chain.
        header_rule: the name of the rule by which its headers are read.
        directory: 0x address of the Directory.
        number: the block's.
        hash: the block's.
        time: the block's, in seconds.
        validators: 0x addresses of those who seal the block, where headers are sealed; else none.
        signers: the DIDs of those who say so.
    """

    chain_id: int
    header_rule: str
    directory: str
    number: int
    hash: bytes
    time: int
    validators: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()

    def statement(self, signer: Signer) -> dict[str, Any]:
        """Return what a signer signs of it."""
        return {
            "format": TRUST_FORMAT,
            "chain_id": self.chain_id,
            "header_rule": self.header_rule,
            "directory": self.directory,
            "block": {"number": self.number, "hash": "0x" + self.hash.hex(), "time": self.time},
            **({"validators": list(self.validators)} if self.validators else {}),
            "signer": {"did": signer.did, "alg": signer.alg, "key": signer.key.hex()},
        }


@dataclass(frozen=True)
class TrustFile:
    """A trust file of the right shape; whether its signature holds is asked by `trusted_blocks`."""

    block: TrustedBlock
    signer: Signer
    signature: bytes = field(repr=False)

    def check_signature(self) -> None:
        """Check that the signer's key signed the file.

        Raises:
            VerificationFailed: `trust`.
            CouldNotCheck: the suite's library is not installed.
        """
        signed = canonical_json(self.block.statement(self.signer))
        try:
            suite_of_alg(self.signer.alg).verify(self.signer.key, signed, self.signature)
        except VerificationFailed as error:
            raise _failed(f"the trust file of {self.signer.did} is not signed by its key") from error


def build_trust(block: TrustedBlock, signer: Signer, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the bytes of a trust file; `sign` makes a signature of the signer's suite."""
    statement = block.statement(signer)
    return canonical_json({**statement, "signature": encode_base64url(sign(canonical_json(statement)))})


_BLOCK = Fields({"number": shapes.NUMBER, "hash": Bytes(shapes.HASH_BYTES, "0x"), "time": shapes.NUMBER})
_SIGNER = Fields({"did": shapes.ETHR_DID, "alg": ALG, "key": Bytes()}).then(lambda members, _: Signer(**members))


def _trust_file(members: dict[str, Any], where: str) -> TrustFile:
    signer: Signer = members["signer"]
    suite_of_alg(signer.alg).check_public_key(signer.key, f"{where}.signer.key")
    placed = {name: members[name] for name in ("chain_id", "header_rule", "directory")}
    block = TrustedBlock(**placed, **members["block"], validators=members.get("validators", ()))
    return TrustFile(block, signer, members["signature"])


_NAMED = Fields({"header_rule": HEADER_RULE_NAME}, open=True)
_MEMBERS: Mapping[str, Shape[Any]] = {
    "format": Constant(TRUST_FORMAT),
    "chain_id": shapes.POSITIVE,
    "header_rule": HEADER_RULE_NAME,
    "directory": shapes.ADDRESS,
    "block": _BLOCK,
    "signer": _SIGNER,
    "signature": Base64Url(SIGNATURE_BYTES),
}
_VALIDATORS = {"validators": shapes.tuple_of(shapes.ADDRESS, MAX_VALIDATORS, 1)}
_UNSEALED, _SEALED = Fields(_MEMBERS), Fields({**_MEMBERS, **_VALIDATORS})
TRUST = Fields(_MEMBERS, _VALIDATORS)
"""A trust file of any header rule; which one takes `validators`, `parse_trust` asks."""


def parse_trust(data: bytes) -> TrustFile:
    """Read a trust file. What it says holds only once `trusted_blocks` took it.

    Raises:
        InvalidInput: it is none, or too long.
    """
    parsed = parse_json(data, field="trust", max_bytes=MAX_TRUST_BYTES, max_nodes=MAX_TRUST_NODES)
    rule = RULES.get(_NAMED.read(parsed, "trust")["header_rule"])
    shape = TRUST if rule is None else _UNSEALED if rule.seals is None else _SEALED
    found: TrustFile = shape.then(_trust_file).read(parsed, "trust")
    return found


def trusted_blocks(files: Sequence[TrustFile], pinned: Collection[bytes]) -> tuple[TrustedBlock, ...]:
    """Return the blocks that trust files name, ascending, each with all who signed for it.

    Args:
        files: the files; at least one.
        pinned: the public keys whose word the verifier takes.

    Raises:
        VerificationFailed: `trust`; there is no file, one is not signed by a pinned key, or two do not agree: in chain,
            header rule or Directory, or about one number.
        CouldNotCheck: a suite's library is not installed.
    """
    if not files:
        raise _failed("there is no trust file")
    first, blocks = files[0].block, dict[int, TrustedBlock]()
    for file in files:
        if file.signer.key not in pinned:
            raise _failed(f"the key of {file.signer.did}, who signed a trust file, is not pinned")
        file.check_signature()
        block = file.block
        if _chain_of(block) != _chain_of(first):
            raise _failed("two trust files are of different chains, header rules or Directories")
        known = blocks.get(block.number, block)
        if replace(known, signers=()) != block:
            raise _failed(f"two trust files say different things of block {block.number}")
        signers = dict.fromkeys((*known.signers, file.signer.did))
        blocks[block.number] = replace(known, signers=tuple(signers))
    return tuple(blocks[number] for number in sorted(blocks))


def trusted_header(
    blocks: Sequence[TrustedBlock], data: bytes, least: int | None = None, changes: Sequence[bytes] = ()
) -> tuple[Header, TrustedBlock]:
    """Read a header that is trusted, and return it with the block on whose word.

    It is that of one of the blocks. Where headers are sealed it may also be of a later block, and its seals have to
    hold in either case.

    Args:
        blocks: what `trusted_blocks` gave.
        data: the bytes of the header.
        least: the lowest number that is taken; by default that of the last of the blocks.
        changes: headers between the last of the blocks and this one, ascending, in which the validators are others.

    Raises:
        VerificationFailed: `trust`.
        CouldNotCheck: `header-rule`, this version does not know the rule.
    """
    rule = state_rule(blocks[0].header_rule)
    header = _read(rule, data)
    trusted = next((block for block in blocks if block.hash == header.hash), None)
    if trusted is None and (rule.seals is None or header.number <= blocks[-1].number):
        raise _failed(f"no trust file names the block {header.number} of this header")
    if trusted is not None and (trusted.number, trusted.time) != (header.number, header.timestamp):
        raise _failed(f"a trust file names another number or time of the block {header.number}")
    if header.number < (blocks[-1].number if least is None else least):
        raise _failed(f"block {header.number} is older than asked for")
    said = trusted or blocks[-1]
    _check_seals(rule, said, header, data, changes if trusted is None else ())
    return header, said


def _check_seals(rule: HeaderRule, said: TrustedBlock, header: Header, data: bytes, changes: Sequence[bytes]) -> None:
    if rule.seals is None:
        return
    numbers = [said.number, *(_read(rule, change).number for change in changes), header.number]
    if changes and sorted(set(numbers)) != numbers:
        raise _failed("the headers of changes do not ascend from the trusted block to this one")
    try:
        validators = follow_validators(rule.seals, said.validators, changes)
        rule.seals.check(data, validators, "header")
    except VerificationFailed as error:
        raise _failed(error.detail) from error


def _read(rule: HeaderRule, data: bytes) -> Header:
    try:
        return rule.parse(data, "header")
    except InvalidInput as error:
        raise _failed(f"{error.field}: {error.detail}") from error


def _chain_of(block: TrustedBlock) -> tuple[int, str, str]:
    return block.chain_id, block.header_rule, block.directory


def _failed(detail: str) -> VerificationFailed:
    return VerificationFailed(CHECK, detail)
