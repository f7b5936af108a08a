"""Every finding of slither has its reason and every reason its finding; slither itself runs by `make slither`."""

import json
import subprocess

import pytest

from scripts.contracts import build, static_analysis

FOUND = {
    "check": "timestamp",
    "where": "C.f(uint256)",
    "what": ["block.timestamp > deadline"],
    "description": "C.f(uint256) (contracts/C.sol#7) uses timestamp for comparisons",
}
REASON = {
    "check": "timestamp",
    "where": "C.f(uint256)",
    "what": ["block.timestamp > deadline"],
    "reason": "It is meant.",
}
SOURCES = {"contracts/C.sol": {"content": "contract C {}"}, "@library/L.sol": {"content": "// slither-disable-line"}}


def test_a_finding_with_its_reason_is_no_fault():
    assert static_analysis.faults([FOUND], [REASON], SOURCES) == []


def test_a_finding_without_a_reason_is_shown_with_slithers_words():
    (said,) = static_analysis.faults([FOUND], [], SOURCES)
    assert said == f"without a reason: timestamp in C.f(uint256): block.timestamp > deadline\n{FOUND['description']}"


@pytest.mark.parametrize("member", ["check", "where", "what"])
def test_a_reason_is_for_one_detector_function_and_statement(member):
    other = {**REASON, member: ["block.timestamp > start"] if member == "what" else "another"}
    missing, unused = static_analysis.faults([FOUND], [other], SOURCES)
    assert missing.startswith("without a reason: timestamp in C.f(uint256): block.timestamp > deadline\n")
    assert unused.startswith("a reason for what is not found: ")


def test_a_reason_needs_words():
    (said,) = static_analysis.faults([FOUND], [{**REASON, "reason": " "}], SOURCES)
    assert said == "a reason without words: timestamp in C.f(uint256): block.timestamp > deadline"


def test_a_source_of_ours_that_silences_a_detector_is_named():
    sources = {"contracts/C.sol": {"content": "// slither-disable-next-line timestamp"}}
    assert static_analysis.faults([], [], sources) == ["contracts/C.sol silences a detector"]


def test_the_list_holds_to_functions_that_are_there():
    sources = build.gather_sources()
    reasons = json.loads(static_analysis.REASONS.read_text(encoding="utf-8"))
    assert reasons
    for item in reasons:
        contract, _, function = item["where"].partition(".")
        (text,) = (source["content"] for name, source in sources.items() if name.endswith(f"/{contract}.sol"))
        assert f"function {function.partition('(')[0]}(" in text
        assert static_analysis.faults([{**item, "description": ""}], [item], sources) == []


def test_the_compiler_of_npm_takes_the_options_that_slither_gives_it():
    compiler, _ = build.find_compiler()  # puts node on PATH
    source = {"C.sol": {"content": "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\ncontract C {}\n"}}
    given = {"language": "Solidity", "sources": source, "settings": {"outputSelection": {"*": {"*": ["abi"]}}}}
    command = [str(build.WRAPPER), "--standard-json", "--allow-paths", str(build.ROOT)]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, encoding="utf-8", check=True, timeout=120
    )
    assert json.loads(done.stdout)["contracts"] == {"C.sol": {"C": {"abi": []}}}
    assert compiler.exists()
