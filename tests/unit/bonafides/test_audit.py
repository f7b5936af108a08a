"""An audit of a broker that serves one log when it is asked first, and another one when it is asked again."""

import pytest

from bonafides.audit import Audit, AuditState, read_state
from evidence.version2.log.tiles import encode_entries, parse_tile_path, render_tile
from evidence.version2.state.member_keys import MemberKeySet
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, VerificationFailed
from scripts.vectors.evidence import BROKER
from scripts.vectors.growing_log import GrowingLog
from scripts.vectors.version2.log import BROKER_KEY

KEYS = MemberKeySet(1, BROKER_KEY, BROKER_KEY, bytes(32), "0x" + "11" * 20)


def log_of(*counts, **leaf):
    log = GrowingLog()
    for count in counts:
        log.anchor(count, leaf={"keys_digest": KEYS.digest(), **leaf})
    return log


def entries(log):
    return [log.opening.encode(), *(log.steps[seq].leaf.encode() for seq in sorted(log.steps))]


class Public:
    """What a broker's node serves: of the bundles of leaves, those of the next log each time."""

    def __init__(self, log, *logs):
        self.log, self.logs = log, [log, *logs]

    def checkpoint(self):
        return self.log.checkpoint()

    def tile(self, path):
        tile = parse_tile_path(path)
        if tile.level is not None:
            return render_tile(tile, self.log.tree.node)
        served = self.logs.pop(0) if len(self.logs) > 1 else self.logs[0]
        return encode_entries(entries(served)[tile.first : tile.first + tile.width])


class Member:
    """A member's node: the chain has one log, and the broker shows it the growth of another."""

    def __init__(self, chain, shown, reaches=None):
        self.chain, self.shown, self.reaches = chain, shown, reaches

    def log(self, _seq):
        return {"leaf": {"keys_digest": KEYS.digest().hex()}, "keys": KEYS.to_json()}

    def leaves(self, start):
        return [entry.hex() for entry in entries(self.chain)[start:]]

    def growth(self, start):
        if self.reaches is not None:
            raise CouldNotCheck("peer-unreachable", "it does not answer now")
        return self.shown.growth(start).to_bytes()


def test_leaves_that_were_gone_over_and_leaves_that_stand_on_the_chain_are_the_same_ones():
    """The bundles are asked for twice; a broker with another log may show the chain's leaves the second time."""
    chain, other = log_of(2, 3), log_of(2, 3, block=99)
    audit = Audit(AuditState(BROKER), Public(other, chain), member=Member(chain, other))
    with pytest.raises(VerificationFailed, match="chain-leaves"):
        audit.run()
    report = Audit(AuditState(BROKER), Public(chain), member=Member(chain, chain)).run()
    assert report["checked"]["chain-leaves"].startswith("leaves 1 to 3")


def test_an_audit_goes_on_with_the_leaves_that_were_held_against_the_chain():
    chain, kept = log_of(2, 3), []
    with pytest.raises(CouldNotCheck):
        Audit(AuditState(BROKER), Public(chain), member=Member(chain, chain, reaches=0), save=kept.append).run()
    state = read_state(canonical_json(kept[-1].to_json()), BROKER)
    assert state == kept[-1]
    assert state.compared == state.public.peaks
    chain.anchor(1, leaf={"keys_digest": KEYS.digest()})
    report = Audit(state, Public(chain), member=Member(chain, chain)).run()
    assert report["checked"]["chain-leaves"].startswith("leaves 4 to 4")


def test_an_audit_that_finds_nothing_new_says_so():
    chain, kept = log_of(2, 3), []
    Audit(AuditState(BROKER), Public(chain), member=Member(chain, chain), save=kept.append).run()
    checked = Audit(kept[-1], Public(chain), member=Member(chain, chain)).run()["checked"]
    assert checked["chain-leaves"].startswith("no leaf came after the 3 of the audit before")
    assert checked["growth"].startswith("no anchor came after anchor 3")
