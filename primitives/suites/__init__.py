"""Every suite that this version knows, one file each, found by walking this package.

A suite whose library has no build for a machine is known there all the same: documents that name it are read, and
whatever asks it to compute learns that it is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from primitives.errors import InvalidInput
from primitives.registry import by_key, offered
from primitives.shapes import Bytes, Constant, OneOf
from primitives.suite import SigningSuite

SUITES: Mapping[str, SigningSuite] = by_key(
    offered(sys.modules[__name__], "SUITE", SigningSuite), lambda suite: suite.name
)
"""Every suite, by its name."""

DEFAULT = SUITES["sha256-ed25519/1"]
"""The suite of whoever names none."""

SUITE_NAME = OneOf(*SUITES, rule="unknown")
"""The shape of a suite's name."""

ALG = OneOf(*(suite.alg for suite in SUITES.values()))
"""The shape of `alg` of a signature by any suite."""

PUBLIC_KEY_LENGTHS = frozenset(suite.public_key_bytes for suite in SUITES.values())


def _of_a_suite(key: bytes, where: str) -> bytes:
    if len(key) not in PUBLIC_KEY_LENGTHS:
        lengths = " or ".join(str(length) for length in sorted(PUBLIC_KEY_LENGTHS))
        raise InvalidInput(where, "length", f"must be a public key of {lengths} bytes in hex, and has {len(key)}")
    return key


PUBLIC_KEY = Bytes().then(_of_a_suite)
"""The shape of a public key of any suite, read as bytes; whose suite it is, is not asked."""

_BY_ALG: Mapping[str, SigningSuite] = by_key(SUITES.values(), lambda suite: suite.alg)
_BY_ALGORITHM: Mapping[int, SigningSuite] = by_key(SUITES.values(), lambda suite: suite.algorithm)


def suite_named(name: str, field: str = "suite") -> SigningSuite:
    """Return a suite by its name.

    Raises:
        InvalidInput: `unknown`.
    """
    return SUITES[SUITE_NAME.read(name, field)]


def suite_of_alg(alg: str) -> SigningSuite:
    """Return the suite of an `alg` that `ALG` took."""
    return _BY_ALG[alg]


def suite_of_algorithm(algorithm: int, field: str = "algorithm") -> SigningSuite:
    """Return the suite whose signatures have this number in the member registry.

    Raises:
        InvalidInput: `unknown`.
    """
    suite = _BY_ALGORITHM.get(algorithm)
    if suite is None:
        raise InvalidInput(field, "unknown", f"{algorithm} is no algorithm of {', '.join(SUITES)}")
    return suite


def require_alg(suite: SigningSuite, alg: str, field: str) -> None:
    """Check that a signature says to be of the algorithm of its document's suite.

    Raises:
        InvalidInput: `constant`.
    """
    Constant(suite.alg).read(alg, field)
