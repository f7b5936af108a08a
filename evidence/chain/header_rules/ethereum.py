"""Header rule `ethereum/1` of format 2 (docs/spec/evidence-2.md, 9.4): as `ethereum-header/1`, with the state root."""

from __future__ import annotations

from evidence.chain.engine import HeaderRule
from evidence.chain.rlp_header import encode_header, may_hold, parse_header

RULE = HeaderRule("ethereum/1", parse=parse_header, may_hold=may_hold, encode=encode_header, opens_state=True)
"""Headers of Ethereum's execution layer, and of every engine that keeps its header format and hash."""
