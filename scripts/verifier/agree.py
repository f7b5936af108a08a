"""Give the same bundles, clean and changed, to both verifiers of format 2, and compare their verdicts.

    .venv/bin/python -m scripts.verifier.agree [--count 10000] [--seed 1]

The bundles are those of the specification and those of the JavaScript verifier's own maker, some of them a cheating
broker's. A verdict is one of: holds, failed, not-a-bundle, could-not-check. Prints how many were given which, and every
difference with what was changed. Exit status 1 where the two differ.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from evidence.documents.bundle import MAX_BUNDLE_BYTES
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.packed import unpack
from primitives.suites import SUITES
from replay.installed import INSTALLED
from replay.signing import signing_rules
from scripts.vectors.synthetic_consortium import seed
from scripts.verifier.mutations import change_bundle, change_packing, change_trust

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors" / "evidence-2"
NODE = ROOT / "scripts" / "verifier" / "node.sh"
PACKED = 0.05  # of the bundles, changed in nothing but their packing
CLOCKS = {"retention-20-years": 7_305 * 86_400_000}
SIGNING = replace(signing_rules(INSTALLED), erasure_clocks=CLOCKS)


@dataclass(frozen=True)
class Case:
    """A bundle, a trust file and the key that is pinned; and the seed of the broker's signing key."""

    name: str
    bundle: bytes
    trust: bytes
    key: bytes
    signing_seed: bytes


@dataclass(frozen=True)
class Difference:
    """Where the two disagree."""

    case: str
    words: str
    python: str
    javascript: str


class JavaScript:
    """The verifier in JavaScript as one process: a line in, a line out."""

    def __init__(self) -> None:
        """Start it."""
        command = [str(NODE), "verifier/cli.js", "--stream"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)

    def __enter__(self) -> JavaScript:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.communicate()

    def verdict(self, case: Case) -> tuple[str, str]:
        """Return the kind of its verdict, and the checks that do not hold."""
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise RuntimeError("the verifier in JavaScript has no pipes")
        asked = {"bundle": _base64(case.bundle), "trusts": [_base64(case.trust)], "pinned": [case.key.hex()]}
        to.write(json.dumps(asked).encode() + b"\n")
        to.flush()
        answer: dict[str, Any] = json.loads(back.readline())
        if "error" in answer:
            return "fault", str(answer["error"])
        return str(answer["kind"]), str(answer["failed"])


def python_verdict(case: Case) -> tuple[str, str]:
    """Return the kind of the Python verifier's verdict, and the checks that do not hold."""
    try:
        bundle = unpack(case.bundle, "bundle", MAX_BUNDLE_BYTES)
        report = verify_bundle(bundle, [case.trust], {case.key}, VerificationRequest(SIGNING))
    except InvalidInput as error:
        return "not-a-bundle", str(error)
    except CouldNotCheck as error:
        return "could-not-check", str(error)
    except VerificationFailed as error:
        return "failed", str(error)
    return ("holds" if report.ok else "failed"), str(
        [f"{one.name}: {one.detail}" for one in report.checks if not one.ok]
    )


def specified() -> Iterator[Case]:
    """Yield the worked bundles of the specification."""
    for path in sorted(VECTORS.glob("bundle*.json")):
        vector = json.loads(path.read_text("utf-8"))
        bundle = vector["bundle"].encode()
        key = bytes.fromhex(vector["trust_key"])
        yield Case(path.stem, bundle, vector["trust"].encode(), key, _signing_seed(bundle))


def made() -> Iterator[Case]:
    """Yield the bundles of the JavaScript verifier's maker."""
    printed = subprocess.run([str(NODE), "verifier/test/print-bundles.js"], check=True, stdout=subprocess.PIPE).stdout
    for line in printed.splitlines():
        one = json.loads(line)
        bundle, trust = base64.b64decode(one["bundle"]), base64.b64decode(one["trust"])
        yield Case(one["name"], bundle, trust, bytes.fromhex(one["key"]), bytes.fromhex(one["seed"]))


def changed(case: Case, chance: random.Random) -> tuple[Case, str]:
    """Return a case with a changed bundle or, sometimes, trust file or packing."""
    if chance.random() < PACKED:
        packing = change_packing(case.bundle, chance)
        return Case(case.name, packing.data, case.trust, case.key, case.signing_seed), packing.words
    if chance.random() < 0.1:
        trust = change_trust(case.trust, chance)
        return Case(case.name, case.bundle, trust.data, case.key, case.signing_seed), trust.words
    bundle = change_bundle(case.bundle, chance, case.signing_seed)
    return Case(case.name, bundle.data, case.trust, case.key, case.signing_seed), bundle.words


def compare(count: int, number: int) -> tuple[Counter[str], list[Difference]]:
    """Ask both about every clean bundle and about `count` changed ones."""
    kinds: Counter[str] = Counter()
    differences = []
    chance = random.Random(number)  # noqa: S311 - the same changes for the same number
    cases = [*specified(), *made()]
    clean = [(case, "as it is") for case in cases]
    with JavaScript() as javascript:
        for case, words in chain(clean, (changed(chance.choice(cases), chance) for _ in range(count))):
            mine, my_reason = python_verdict(case)
            other, its_reason = javascript.verdict(case)
            kinds[mine] += 1
            if mine != other:
                differences.append(Difference(case.name, words, f"{mine} {my_reason}", f"{other} {its_reason}"))
    return kinds, differences


def _signing_seed(bundle: bytes) -> bytes:
    """Return the secret of the synthetic broker whose key signed a worked bundle."""
    read = json.loads(bundle)
    signing = {keys["signing"] for keys in read["keys"]}
    seeds = [seed(f"north key {generation}") for generation in (3, 2, 1)]
    public_key = SUITES[read["suite"]].public_key
    return next(one for one in seeds if public_key(one).hex() in signing)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main() -> int:
    """Compare, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begin = time.monotonic()
    kinds, differences = compare(arguments.count, arguments.seed)
    told = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
    print(f"{sum(kinds.values())} bundles in {time.monotonic() - begin:.0f} s: {told}; {len(differences)} differences")
    for one in differences[:50]:
        print(f"  {one.case}, {one.words}\n    Python: {one.python[:400]}\n    JavaScript: {one.javascript[:400]}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
