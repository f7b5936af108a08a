"""What slither finds in a standard JSON input of the compiler. Runs in slither's own environment (`.tools/slither`).

.tools/slither/bin/python scripts/contracts/slither_findings.py SOLC < input.json

Prints a JSON list of `{"check","where","what","description"}`: the detector, the function (or other place) that it
speaks of, the statements that it names, and its sentence. Findings that lie in imported libraries alone are left out.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector


def find(compiler_input: dict[str, Any], compiler: str) -> list[dict[str, Any]]:
    """Run every detector over the sources of a compiler input."""
    compilation = CryticCompile(SolcStandardJson(compiler_input), solc=compiler, solc_disable_warnings=True)
    slither = Slither(compilation, filter_paths=["node_modules"])
    for _, detector in inspect.getmembers(all_detectors, inspect.isclass):
        if issubclass(detector, AbstractDetector):
            slither.register_detector(detector)
    return [finding(result) for results in slither.run_detectors() for result in results]


def finding(result: dict[str, Any]) -> dict[str, Any]:
    """Name a result's place and statements without line numbers, which move with every edit."""
    first = result["elements"][0]
    function = first["type_specific_fields"]["parent"] if first["type"] == "node" else first
    fields = function.get("type_specific_fields", {})
    contract = fields.get("parent", {}).get("name", function["type"])
    return {
        "check": result["check"],
        "where": f"{contract}.{fields.get('signature', function['name'])}",
        "what": sorted({element["name"] for element in result["elements"] if element["type"] == "node"}),
        "description": result["description"].strip(),
    }


if __name__ == "__main__":
    json.dump(find(json.load(sys.stdin), sys.argv[1]), sys.stdout)
