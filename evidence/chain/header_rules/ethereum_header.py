"""Header rule `ethereum-header/1` of format 1 (docs/spec/evidence.md, 9.2)."""

from __future__ import annotations

from evidence.chain.engine import HeaderRule
from evidence.chain.rlp_header import encode_header, may_hold, parse_header

RULE = HeaderRule("ethereum-header/1", parse=parse_header, may_hold=may_hold, encode=encode_header)
"""Headers of Ethereum's execution layer, and of every engine that keeps its header format and hash."""
