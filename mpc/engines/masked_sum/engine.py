"""The masked sum behind the seam of the engines.

The state is the vector and its blinding, `{"blinding": hex, "values": [decimal text]}` as RFC 8785 bytes; it does not
change. What this owner has sent stands among the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mpc.engine import Engine, Entropy, Message, Prepared, Result, Run, Seen, Step
from mpc.engines.masked_sum.protocol import NAME, Committing, Masking, Session, check_message, pair_seed
from mpc.spec import TaskSpec
from mpc.statistics import STATISTICS_FIELDS, ClientFacts, Statistics, local_totals
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.json_value import JsonObject
from primitives.pedersen import ORDER
from primitives.shapes import Bytes, Decimal, Fields, ListOf

_BLINDING_BYTES = 32
_BLINDING_ENTROPY = 64  # reduced modulo r - 1 the bias is below 2^-256
_STATE = Fields({"blinding": Bytes(_BLINDING_BYTES), "values": ListOf(Decimal(), 1)})


class MaskedSum(Engine[Statistics]):
    """Sums of local totals, bound to the commitments on the chain; every owner learns the totals."""

    name = NAME
    program_fields = STATISTICS_FIELDS
    message_kinds = (NAME,)
    source = "INFO_COLLECT"
    output_kind = "joint-totals"
    refusals: ClassVar[Mapping[str, str]] = {
        "commitment-copied": "an owner committed to the point of another one",
        "message-format": "a message of another format",
        "message-sender": "a message that names another sender than its signer",
        "message-spec": "a message of another specification",
        "message-task-id": "a message of another task",
        "message-transcript": "a message for other commitments than those of the chain",
        "own-commitment": "the chain holds another commitment of this owner than its own",
        "sum-check": "the messages do not add up to the commitments; it cannot be known who lied",
        "total-range": "a total that no honest values add up to; it cannot be known who lied",
    }

    def program(self, members: Mapping[str, Any]) -> Statistics:
        """Return the statistics that the task asks for."""
        return Statistics(members["statistics"])

    def check(self, spec: TaskSpec[Statistics]) -> None:
        """Refuse other receivers than the owners."""
        if spec.receivers != spec.members:
            raise InvalidInput(
                "task.receivers",
                "receivers",
                f"{NAME} shows the totals to every owner and to nobody else: name exactly them",
            )

    def prepare(self, run: Run[Statistics], payloads: Sequence[JsonObject], entropy: Entropy) -> Prepared:
        """Add up the vector and commit to it under a fresh blinding."""
        values = local_totals(run.spec.program, map(ClientFacts.from_payload, payloads))
        blinding = int.from_bytes(entropy(_BLINDING_ENTROPY)) % (ORDER - 1) + 1
        party = Committing(run.spec, run.member, values, blinding)
        kept = {"blinding": blinding.to_bytes(_BLINDING_BYTES).hex(), "values": [str(value) for value in values]}
        return Prepared(canonical_json(kept), party.commitment())

    def step(self, run: Run[Statistics], state: bytes, seen: Seen) -> Step:
        """Send the one message of the run, and then hear those of the others."""
        session = Session.open(run.spec, run.chain_id, seen.commitments)
        if run.member in seen.messages.get(NAME, {}):
            return Step(state, ready=not _heard(run, session, seen).waiting_for())
        if seen.keys is None:
            raise CouldNotCheck("keys-missing", "the masks are derived with the owners' agreement keys")
        private, public = seen.keys.private, seen.keys.public
        seeds = {peer: pair_seed(run.spec, run.chain_id, run.member, private, peer, public[peer]) for peer in run.peers}
        masking = _party(run, state).mask(session, seeds)
        return Step(state, (Message(NAME, masking.outgoing()),))

    def finish(self, run: Run[Statistics], state: bytes, seen: Seen) -> Result:
        """Return the totals once they open the commitments and the policy allows them."""
        del state
        result = _heard(run, Session.open(run.spec, run.chain_id, seen.commitments), seen).result()
        return Result(result.document, result.salt)


def _party(run: Run[Statistics], state: bytes) -> Committing:
    """Return the party as it was before its commitment left."""
    kept = _STATE.read(parse_json(state, field="state"), "state")
    return Committing(run.spec, run.member, tuple(kept["values"]), int.from_bytes(kept["blinding"]))


def _heard(run: Run[Statistics], session: Session, seen: Seen) -> Masking:
    """Return the party after every message that is there; our own is checked like theirs."""
    messages: Mapping[str, JsonObject] = seen.messages[NAME]
    own = check_message(session, run.member, messages[run.member])
    masking = Masking(session, run.member, {run.member: own})
    for sender, body in messages.items():
        masking = masking.receive(sender, body)
    return masking
