"""Remove one check of the contracts at a time and see that a Solidity test fails.

Works on a copy in a temporary folder. A mutant that survives is printed with its place, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("contracts", "hardhat.config.js", "package.json")
# Which files of tests a library has; a contract has that of its own name, and the one of all histories.
HISTORIES = "Histories"
TESTED_BY = {
    "libraries/ConsistencyProof.sol": ("EvidenceAnchor",),
    "libraries/MerkleTree.sol": ("EvidenceLog", "EvidenceAnchor"),
    "libraries/HistoryHead.sol": (HISTORIES,),
    "libraries/ActiveTree.sol": (HISTORIES,),
}
# Changes of one line, beside the checks that are found by themselves: (file, text, replacement).
CHANGES = (
    ("MemberRegistry.sol", "votes * 3 < voters * 2", "votes * 2 < voters"),
    ("MemberRegistry.sol", "if (_hasVote(voted[i])) votes++;", "votes++;"),
    ("MemberRegistry.sol", "_openProposal(id).closed = true;", "_openProposal(id);"),
    ("MemberRegistry.sol", "block.number < proposal.openFromBlock", "block.number + 1 < proposal.openFromBlock"),
    ("MemberRegistry.sol", "        proposal.closed = true;\n", ""),
    ("MemberRegistry.sol", " && proposal.kind == ProposalKind.Action", ""),
    ("MemberRegistry.sol", " && proposal.digest == digest", ""),
    ("MemberRegistry.sol", "        _called[msg.sender][callId] = true;\n", ""),
    ("MemberRegistry.sol", "_called[msg.sender][callId]) revert", "_called[address(this)][callId]) revert"),
    ("MemberRegistry.sol", "        once(callId)\n", ""),
    (
        "MemberRegistry.sol",
        "proposeSuspension(bytes32 callId, address member) external onlyMember once(callId)",
        "proposeSuspension(bytes32 callId, address member) external onlyMember",
    ),
    (
        "MemberRegistry.sol",
        "proposeAction(bytes32 callId, bytes32 digest) external onlyMember once(callId)",
        "proposeAction(bytes32 callId, bytes32 digest) external onlyMember",
    ),
    (
        "MemberRegistry.sol",
        "rotateKeys(bytes32 callId, Keys calldata keys) external onlyMember once(callId)",
        "rotateKeys(bytes32 callId, Keys calldata keys) external onlyMember",
    ),
    ("DidRegistry.sol", "block.timestamp > deadline", "block.timestamp >= deadline"),
    ("DidRegistry.sol", "        _sponsoredNonce[identity]++;\n", ""),
    ("DidRegistry.sol", "        nonce[owner]++;\n", ""),
    (
        "DidRegistry.sol",
        " || signer != owner) revert DidRegistryBadSignature(identity, signer);\n        _adopt",
        ") revert DidRegistryBadSignature(identity, signer);\n        _adopt",
    ),
    ("DidRegistry.sol", "signer == address(0) || signer != owner", "signer != owner"),
    ("DidRegistry.sol", "        history.versions++;\n", ""),
    ("EvidenceAnchor.sol", "seq != old.seq + 1", "seq <= old.seq"),
    ("EvidenceAnchor.sol", "size == old.size && mapRoot", "size + 1 == 0 && mapRoot"),
    ("libraries/ConsistencyProof.sol", "if (sn == 0) return false;", ""),
    ("libraries/ConsistencyProof.sol", "fr == oldRoot && ", ""),
    ("libraries/ConsistencyProof.sol", " && sr == newRoot", ""),
    ("libraries/ConsistencyProof.sol", " && sn == 0;", ";"),
    ("libraries/ConsistencyProof.sol", "if (oldSize == 0) return proof.length == 0;", "if (oldSize == 0) return true;"),
    ("libraries/ConsistencyProof.sol", "proof.length == 0 && oldRoot == newRoot", "proof.length == 0"),
    ("libraries/ConsistencyProof.sol", "fn & 1 == 1 || fn == sn", "fn & 1 == 1"),
    ("libraries/MerkleTree.sol", "mstore8(input, 1)", "mstore8(input, 0)"),
    ("libraries/MerkleTree.sol", "before = peaks[count - 1];", "before = peaks[0];"),
    ("EvidenceLog.sol", "last.seq == 0 ? 2 : last.seq + 1;", "last.seq + 2;"),
    (
        "EvidenceLog.sol",
        "(size == last.size) != (batchRoot == _EMPTY_ROOT)",
        "size == last.size && batchRoot != _EMPTY_ROOT",
    ),
    (
        "EvidenceLog.sol",
        "(size == last.size) != (batchRoot == _EMPTY_ROOT)",
        "size != last.size && batchRoot == _EMPTY_ROOT",
    ),
    ("EvidenceLog.sol", "size == last.size && mapRoot", "size + 1 == 0 && mapRoot"),
    ("EvidenceLog.sol", "if (address(_former) != address(0)) return _former.logOf(member);", ""),
    ("EvidenceLog.sol", "successor ? former.version1() : first", "first"),
    ("EvidenceLog.sol", "if (_logs[msg.sender].seq == 0) emit", "emit"),
    ("EvidenceLog.sol", "bytes1(0x02), seq, root", "bytes1(0x02), uint64(0), root"),
    ("libraries/HistoryHead.sol", "head, number, block.number", "head, uint256(0), block.number"),
    ("libraries/HistoryHead.sol", "block.number, block.timestamp", "block.number, uint256(0)"),
    ("libraries/ActiveTree.sol", "if (left == bytes32(0) && right == bytes32(0)) return bytes32(0);", ""),
    ("MemberRegistry.sol", "        member.keyVersion++;\n", ""),
    ("MemberRegistry.sol", "key.length == 32 && bytes32(key) != bytes32(0)", "key.length == 32"),
    ("MemberRegistry.sol", "key.length == 32 && bytes32(key)", "bytes32(key)"),
    ("MemberRegistry.sol", "key.length == 65 && key[0] == 0x04", "key.length == 65"),
    ("MemberRegistry.sol", "key.length == 65 && key[0] == 0x04", "key[0] == 0x04"),
    ("MemberRegistry.sol", "|| keys.checkpoint == bytes32(0)", ""),
    ("MemberRegistry.sol", "        member.keysDigest = _digest(keys);\n", ""),
    ("MemberRegistry.sol", "member.active ? ActiveTree.leaf(", "member.role != Role.None ? ActiveTree.leaf("),
    ("MemberRegistry.sol", "        member.changes++;\n", ""),
    ("ConsentRegistry.sol", "        consent.withdrawnIn = uint40(block.number);\n", ""),
    ("TaskRegistry.sol", "        task.changes++;\n", ""),
    ("ConvictionRegistry.sol", "        history.changes++;\n", ""),
    ("ConvictionRegistry.sol", "kind < 1 || ", ""),
    ("ConvictionRegistry.sol", " || kind > uint8(type(Kind).max)", ""),
    (
        "ConvictionRegistry.sol",
        "_recordedIn[msg.sender][digest] = block.number;",
        "_recordedIn[msg.sender][digest] = 1;",
    ),
    ("DidRegistry.sol", "history.head = _former.historyHead(identity);", ""),
    ("DidRegistry.sol", "history.changed = uint128(_former.changed(identity));", ""),
    ("DidRegistry.sol", "_owners[identity] = _former.owners(identity);", ""),
    ("DidRegistry.sol", "_sponsoredNonce[identity] = _former.sponsoredNonce(identity);", ""),
    ("DidRegistry.sol", "history.versions = uint120(_former.versionCount(identity));", ""),
    ("Directory.sol", "            _note(bytes32(0), address(former), head);\n", ""),
    ("Directory.sol", "        changeCount++;\n", ""),
    ("Directory.sol", "target.codehash", "bytes32(0)"),
    ("ConsentRegistry.sol", " || signer != _dids.identityOwner(identity)", ""),
    ("ConsentRegistry.sol", "signer != _dids.identityOwner(identity)", "signer != identity"),
    ("ConsentRegistry.sol", "_requireSigned(_WITHDRAW", "_requireSigned(_GRANT"),
    ("TaskRegistry.sol", " || signer != _members.keysOf(msg.sender).compliance", ""),
    ("TaskRegistry.sol", "abi.encode(_APPROVE, taskId, task.specHash)", "abi.encode(_APPROVE, taskId, taskId)"),
    ("TaskRegistry.sol", "task.done == 0) task.resultHash", "task.resultHash == 0) task.resultHash"),
    ("TaskRegistry.sol", "block.number > task.deadlineBlock", "block.number >= task.deadlineBlock"),
    ("Directory.sol", "proposalId <= last", "proposalId == last"),
    ("Directory.sol", "        _lastProposal[name] = proposalId;\n", ""),
)
_ONE_LINE = re.compile(r"^ *if \([^\n]*\) revert \w+\([^\n]*\);$", re.MULTILINE)
_BLOCK = re.compile(r"^( *)if \([^{};]*\) \{\n *revert [^;]*;\n\1\}$", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """One source file with one change."""

    file: str
    line: int
    what: str
    text: str


def main(arguments: list[str]) -> int:
    """Run the tests on every mutant; return 1 when one survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="only files whose name contains this")
    options = parser.parse_args(arguments)
    mutants = [mutant for mutant in all_mutants() if options.only in mutant.file]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="bonafides-mutants-") as name:
        folder = Path(name)
        copy_project(folder)
        if not tests_pass(folder, []):
            print("mutants: the tests fail without any change", file=sys.stderr)
            return 2
        for number, mutant in enumerate(mutants, 1):
            survived = survives(folder, mutant)
            verdict = "SURVIVED" if survived else "caught"
            print(f"{number:3}/{len(mutants)} {verdict:8} {mutant.file}:{mutant.line} {mutant.what}", flush=True)
            if survived:
                survivors.append(mutant)
    print(f"mutants: {len(mutants) - len(survivors)} of {len(mutants)} caught")
    return 1 if survivors else 0


def all_mutants() -> list[Mutant]:
    """Every `if (…) revert` removed, and every change of the list."""
    mutants = []
    for path in sorted([*(ROOT / "contracts").glob("*.sol"), *(ROOT / "contracts" / "libraries").glob("*.sol")]):
        file, text = path.relative_to(ROOT / "contracts").as_posix(), path.read_text(encoding="utf-8")
        for match in sorted([*_ONE_LINE.finditer(text), *_BLOCK.finditer(text)], key=lambda match: match.start()):
            mutants.append(changed(file, text, match.start(), match.group(0), ""))
    for file, old, new in CHANGES:
        text = (ROOT / "contracts" / file).read_text(encoding="utf-8")
        if text.count(old) < 1:
            raise SystemExit(f"mutants: {file} no longer holds {old!r}")
        mutants.append(changed(file, text, text.index(old), old, new))
    return mutants


def changed(file: str, text: str, place: int, old: str, new: str) -> Mutant:
    """Return the file with the `old` at `place` replaced."""
    what = f"without {' '.join(old.split())}" if not new else f"{' '.join(old.split())} -> {' '.join(new.split())}"
    return Mutant(file, text[:place].count("\n") + 1, what, text[:place] + new + text[place + len(old) :])


def copy_project(folder: Path) -> None:
    """Copy what Hardhat needs; the packages are linked."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")


def survives(folder: Path, mutant: Mutant) -> bool:
    """Run the contract's own tests with the mutant in place, and put the original back."""
    path = folder / "contracts" / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.text, encoding="utf-8")
    try:
        names = TESTED_BY.get(mutant.file, (mutant.file.removesuffix(".sol"), HISTORIES))
        return tests_pass(folder, [f"contracts/test/{name}.t.sol" for name in names])
    finally:
        path.write_text(original, encoding="utf-8")


def tests_pass(folder: Path, files: list[str]) -> bool:
    """Say whether the Solidity tests of these files (all, when none is named) pass; they must compile."""
    path = f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = dict(os.environ, PATH=path, HARDHAT_DISABLE_TELEMETRY="true")
    command = ["node", "node_modules/hardhat/dist/src/cli.js", "test", "solidity", *files]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if "passing" not in done.stdout and "failing" not in done.stdout:
        raise SystemExit(f"mutants: the tests did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
