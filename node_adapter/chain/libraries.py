"""web3 and eth-account: the only door to them, for the chain process, `contracts` and `doctor`.

eth-account loads a pairing library that raises Python's recursion limit a hundredfold for the whole process, and with
it what a deeply nested document of a stranger may do to the stack. It is put back at once: what is used here works at
the limit that the interpreter sets. Who parses strangers' documents loads none of this at all (a test says who).
"""

from __future__ import annotations

import sys

_limit = sys.getrecursionlimit()
try:
    from eth_account import Account
    from web3 import HTTPProvider, IPCProvider
    from web3.providers import JSONBaseProvider
finally:
    sys.setrecursionlimit(_limit)

__all__ = ["Account", "HTTPProvider", "IPCProvider", "JSONBaseProvider"]
