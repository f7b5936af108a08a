"""`count/1`: commit and count. Each owner commits to how many clients it has, tells it, and says what it heard of each.

Nothing like the masked sum: a member of its own in the task, a commitment that is a digest, two rounds of messages of
which the second is for one owner each, a state that changes, a refusal of its own.
"""

from types import MappingProxyType

from mpc.engine import COMMITMENT_BYTES, Engine, Message, Prepared, Result, Step
from mpc.errors import PartyFault
from primitives.canonical import canonical_json, parse_json
from primitives.digest import tagged_sha256
from primitives.shapes import Line

COUNT, HEARD = "count/1", "count/1/heard"


class Asked(dict):
    def to_json(self):
        return {"question": self["question"]}


def commitment_of(count, salt):
    return tagged_sha256("count/1", count.to_bytes(8), bytes.fromhex(salt)).rjust(COMMITMENT_BYTES, b"\0")


class Count(Engine):
    name = "count/1"
    program_fields = MappingProxyType({"question": Line(40)})
    message_kinds = (COUNT, HEARD)
    source = "INFO_COLLECT"
    output_kind = "count"
    refusals = MappingProxyType({"count-opened": "a count that does not open its commitment"})

    def program(self, members):
        return Asked(members)

    def check(self, spec):
        pass

    def prepare(self, run, payloads, entropy):
        salt = entropy(16).hex()
        return Prepared(canonical_json({"count": len(payloads), "salt": salt}), commitment_of(len(payloads), salt))

    def step(self, run, state, seen):
        kept, told = parse_json(state), {"task_id": run.spec.task_id.hex()}
        if run.member not in seen.messages.get(COUNT, {}):
            return Step(state, (Message(COUNT, {**told, "count": kept["count"], "salt": kept["salt"]}),))
        counts = seen.messages[COUNT]
        for member, body in counts.items():
            if commitment_of(body["count"], body["salt"]) != seen.commitments[member]:
                raise PartyFault(member, "count-opened", "told another count than it committed to")
        if counts.keys() != set(run.spec.members):
            return Step(state)
        if "asked" not in kept:
            heard = (Message(HEARD, {**told, "heard": counts[peer]["count"]}, peer) for peer in run.peers)
            return Step(canonical_json({**kept, "asked": True}), tuple(heard))
        return Step(state, ready=seen.messages[HEARD].keys() >= set(run.peers))

    def finish(self, run, state, seen):
        own = parse_json(state)["count"]
        assert {body["heard"] for body in (seen.messages[HEARD][peer] for peer in run.peers)} == {own}
        counts = {member: seen.messages[COUNT][member]["count"] for member in run.spec.members}
        return Result({"question": run.spec.program["question"], "counts": counts}, run.spec.task_id)


ENGINE = Count()
