"""The protocol, and one test for each way to cheat."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.engines.masked_sum.protocol import (
    Committing,
    Session,
    check_message,
    combine,
    expand_masks,
    mask_vector,
    message_body,
    pair_seed,
)
from mpc.errors import MessageRefused, PartyFault, PolicyRefused, SumCheckFailed
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.pedersen import ORDER, vector_commit
from tests.properties import examples
from tests.unit.mpc.masked_sum_kit import (
    BLINDINGS,
    CHAIN_ID,
    MEMBERS,
    agreement_key,
    exchange,
    make_spec,
    parties_of,
    public_of,
    seeds_of,
    session_of,
    spec_for,
)

VALUE = st.integers(0, 2**64 - 1)
MORE = tuple(f"0x{number:040x}" for number in range(1, 8))


@examples(15)
@given(st.lists(st.tuples(st.integers(10, 2**40), VALUE, VALUE, VALUE, VALUE), min_size=3, max_size=6))
def test_the_joint_sum_is_the_plain_sum(vectors):
    spec = spec_for(MORE[: len(vectors)])
    parties = parties_of(spec, vectors)
    for state in exchange(spec, session_of(spec, parties), parties):
        assert state.waiting_for() == ()
        assert state.result().totals == tuple(sum(column) for column in zip(*vectors, strict=True))


@examples(15)
@given(st.integers(3, 7))
def test_the_masks_cancel_and_every_message_is_masked(owners):
    spec = spec_for(MORE[:owners])
    parties = parties_of(spec, [(10, 0, 0, 0, 0)] * owners)
    session = session_of(spec, parties)
    messages = [party.mask(session, seeds_of(spec, party.member)).messages[party.member] for party in parties]
    for message in messages:
        assert all(value.bit_length() > 128 for value in message.values)
    assert [sum(column) % ORDER for column in zip(*(row.values for row in messages), strict=True)] == [
        10 * owners,
        *[0] * 4,
    ]


def test_all_parties_find_the_same_result_and_digest(run):
    _, _, states = run
    assert len({state.result().digest() for state in states}) == 1
    assert len({state.result().blinding for state in states}) == 1


def test_the_result_digest_is_salted_by_the_blinding_sum(run):
    _, _, states = run
    result = states[0].result()
    assert result.digest() != replace(result, blinding=result.blinding + 1).digest()


def test_a_message_heard_again_changes_nothing(run):
    _, _, states = run
    body = states[1].outgoing()
    assert states[0].receive(MEMBERS[1], body) == states[0]
    assert states[1].outgoing() == body


def test_receiving_leaves_the_old_state_alone(run):
    parties, session, states = run
    fresh = parties[0].mask(session, seeds_of(session.spec, MEMBERS[0]))
    fresh.receive(MEMBERS[1], states[1].outgoing())
    assert fresh.waiting_for() == MEMBERS[1:]


def test_no_result_before_every_message(run):
    parties, session, _ = run
    fresh = parties[0].mask(session, seeds_of(session.spec, MEMBERS[0]))
    with pytest.raises(CouldNotCheck) as caught:
        fresh.result()
    assert caught.value.code == "messages-missing"


def test_secrets_do_not_show_in_a_party_s_text(run):
    parties, _, _ = run
    assert str(BLINDINGS[0]) not in repr(parties[0])


# ---- one test per way to cheat


@pytest.mark.parametrize("column", range(5))
def test_one_tampered_value_is_caught_and_nobody_is_named(run, column):
    _, session, states = run
    messages = dict(states[0].messages)
    cheat = messages[MEMBERS[2]]
    values = tuple((value + 12_345 * (index == column)) % ORDER for index, value in enumerate(cheat.values))
    with pytest.raises(SumCheckFailed, match="cannot be known who") as caught:
        combine(session, {**messages, MEMBERS[2]: replace(cheat, values=values)})
    assert caught.value.check == "sum-check"
    assert not any(member in str(caught.value) for member in MEMBERS)


def test_a_tampered_blinding_is_caught(run):
    _, session, states = run
    messages = dict(states[0].messages)
    cheat = replace(messages[MEMBERS[1]], blinding=(messages[MEMBERS[1]].blinding + 1) % ORDER)
    with pytest.raises(SumCheckFailed):
        combine(session, {**messages, MEMBERS[1]: cheat})


def test_a_blinding_sum_of_zero_is_caught(run):
    _, session, states = run
    messages = dict(states[0].messages)
    others = sum(messages[member].blinding for member in MEMBERS[:2])
    with pytest.raises(SumCheckFailed):
        combine(session, {**messages, MEMBERS[2]: replace(messages[MEMBERS[2]], blinding=-others % ORDER)})


def test_commitments_that_add_up_to_the_identity_are_caught(run):
    parties, session, states = run
    sums = tuple(sum(column) % ORDER for column in zip(*(party.values for party in parties[:2]), strict=True))
    opposite = vector_commit(tuple(-value % ORDER for value in sums), -sum(BLINDINGS[:2]) % ORDER)
    bad = Session.open(session.spec, CHAIN_ID, {**session.commitments, MEMBERS[2]: opposite})
    with pytest.raises(SumCheckFailed):
        combine(bad, states[0].messages)


def test_another_vector_than_the_committed_one_is_caught(run):
    parties, session, states = run
    cheat = parties[2]
    other = mask_vector(session, cheat.member, (10, 1, 1, 1, 1), cheat.blinding, seeds_of(session.spec, cheat.member))
    fresh = parties[0].mask(session, seeds_of(session.spec, MEMBERS[0]))
    heard = fresh.receive(MEMBERS[1], states[1].outgoing()).receive(cheat.member, message_body(session, other))
    with pytest.raises(SumCheckFailed):
        heard.result()


def test_a_message_of_another_task_is_refused_by_name(run, vectors):
    _, session, _ = run
    other_spec = make_spec(task_id="cd" * 32)
    parties = parties_of(other_spec, vectors, BLINDINGS)
    replayed = exchange(other_spec, session_of(other_spec, parties), parties)[1].outgoing()
    with pytest.raises(PartyFault, match="task_id") as caught:
        check_message(session, MEMBERS[1], replayed)
    assert caught.value.sender == MEMBERS[1]


def test_a_message_for_other_commitments_is_refused_by_name(run):
    parties, session, states = run
    other = Session.open(
        session.spec, CHAIN_ID, {**session.commitments, MEMBERS[0]: vector_commit((11, 0, 0, 0, 0), 99)}
    )
    body = parties[1].mask(other, seeds_of(session.spec, MEMBERS[1])).outgoing()
    with pytest.raises(PartyFault, match="transcript"):
        states[0].receive(MEMBERS[1], body)


def test_the_masks_of_another_chain_do_not_cancel(vectors, run):
    parties, session, states = run
    foreign = mask_vector(session, MEMBERS[1], vectors[1], BLINDINGS[1], seeds_of(session.spec, MEMBERS[1], 1))
    with pytest.raises(SumCheckFailed):
        combine(session, {**states[0].messages, MEMBERS[1]: foreign})
    assert parties[1].mask(session, seeds_of(session.spec, MEMBERS[1])).messages[MEMBERS[1]] != foreign


def test_the_wrong_sender_is_refused_by_name(run):
    _, session, states = run
    with pytest.raises(PartyFault, match="`sender`") as caught:
        check_message(session, MEMBERS[2], states[1].outgoing())
    assert caught.value.sender == MEMBERS[2]


def test_a_stranger_is_refused_by_name(run):
    _, session, states = run
    stranger = "0x" + "77" * 20
    with pytest.raises(PartyFault) as caught:
        check_message(session, stranger, {**states[1].outgoing(), "sender": stranger})
    assert (caught.value.check, caught.value.sender) == ("not-an-owner", stranger)


def test_two_different_messages_of_one_sender_are_refused_by_name(run):
    _, _, states = run
    body = states[1].outgoing()
    with pytest.raises(PartyFault) as caught:
        states[0].receive(MEMBERS[1], {**body, "blinding": "00" * 32})
    assert (caught.value.check, caught.value.sender) == ("equivocation", MEMBERS[1])


@pytest.mark.parametrize("scalar", [ORDER, ORDER + 1, 2**256 - 1])
@pytest.mark.parametrize("place", ["values", "blinding"])
def test_a_scalar_that_is_not_canonical_names_its_sender(run, scalar, place):
    _, session, states = run
    body = states[1].outgoing()
    text = scalar.to_bytes(32).hex()
    body[place] = [*body["values"][:4], text] if place == "values" else text
    with pytest.raises(MessageRefused) as caught:
        check_message(session, MEMBERS[1], body)
    assert (caught.value.rule, caught.value.sender) == ("scalar-range", MEMBERS[1])
    assert MEMBERS[1] in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"values": ["00" * 32] * 4},
        {"values": ["00" * 32] * 6},
        {"values": "00"},
        {"values": [7] * 5},
        {"blinding": "00" * 31},
        {"blinding": "0X" + "00" * 31},
        {"extra": 1},
    ],
)
def test_a_malformed_message_names_its_sender(run, change):
    _, session, states = run
    with pytest.raises(MessageRefused) as caught:
        check_message(session, MEMBERS[1], {**states[1].outgoing(), **change})
    assert caught.value.sender == MEMBERS[1]


@pytest.mark.parametrize("body", [None, [], "x", {}])
def test_what_is_no_message_names_its_sender(run, body):
    _, session, _ = run
    with pytest.raises(MessageRefused):
        check_message(session, MEMBERS[1], body)


@pytest.mark.parametrize("value", [2**64, -1, ORDER])
def test_a_value_out_of_range_is_not_committed(spec, value):
    with pytest.raises(InvalidInput) as caught:
        Committing(spec, MEMBERS[0], (10, value, 0, 0, 0), 7)
    assert (caught.value.field, caught.value.rule) == ("risk_value", "value-range")


def test_a_committed_negative_value_is_caught_but_not_named(run):
    parties, honest, _ = run
    impossible = (12, ORDER - 10**6, 0, 0, 0)  # "minus a million": the commitment opens, the total is out of range
    session = Session.open(honest.spec, CHAIN_ID, {**honest.commitments, MEMBERS[2]: vector_commit(impossible, 5)})
    seeds = {member: seeds_of(session.spec, member) for member in MEMBERS}
    messages = {party.member: party.mask(session, seeds[party.member]).messages[party.member] for party in parties[:2]}
    messages[MEMBERS[2]] = mask_vector(session, MEMBERS[2], impossible, 5, seeds[MEMBERS[2]])
    with pytest.raises(SumCheckFailed, match="cannot be known who") as caught:
        combine(session, messages)
    assert caught.value.check == "total-range"


def test_a_wrong_number_of_values_or_a_zero_blinding_is_not_committed(spec):
    with pytest.raises(InvalidInput):
        Committing(spec, MEMBERS[0], (10, 0), 7)
    for blinding in (0, ORDER):
        with pytest.raises(InvalidInput) as caught:
            Committing(spec, MEMBERS[0], (10, 0, 0, 0, 0), blinding)
        assert caught.value.field == "blinding"


def test_two_contributors_are_refused():
    with pytest.raises(InvalidInput, match="3 to 64"):
        spec_for(MORE[:2])


def test_an_honest_owner_does_not_contribute_fewer_than_ten_clients(spec):
    with pytest.raises(PolicyRefused) as caught:
        Committing(spec, MEMBERS[0], (9, 1, 1, 1, 1), 7)
    assert caught.value.code == "too-few-clients"


def test_an_honest_owner_does_not_contribute_zeros(spec):
    with pytest.raises(PolicyRefused):
        Committing(spec, MEMBERS[0], (0, 0, 0, 0, 0), 7)


def zero_filled(spec, counts):
    """Two honest owners and a third one that commits to zeros, past its own policy."""
    parties = parties_of(spec, [(counts, 5, 5, 5, 5)] * 2 + [(10, 0, 0, 0, 0)])
    commitments = {party.member: party.commitment() for party in parties[:2]}
    commitments[MEMBERS[2]] = vector_commit((0,) * 5, 7)
    session = Session.open(spec, CHAIN_ID, commitments)
    messages = {
        party.member: party.mask(session, seeds_of(spec, party.member)).messages[party.member] for party in parties[:2]
    }
    messages[MEMBERS[2]] = mask_vector(session, MEMBERS[2], (0,) * 5, 7, seeds_of(spec, MEMBERS[2]))
    return session, messages


def test_a_zero_filled_contributor_is_refused_when_the_clients_in_all_are_too_few(spec):
    with pytest.raises(PolicyRefused) as caught:
        combine(*zero_filled(spec, 14))
    assert caught.value.code == "too-few-clients"


def test_a_zero_filled_contributor_among_many_clients_is_not_detected(spec):
    """A limit of the protocol, and stated as one: only the clients of all owners together can be counted."""
    assert combine(*zero_filled(spec, 1000)).totals == (2000, 10, 10, 10, 10)


def test_a_lie_before_the_commitment_is_not_detected(spec, vectors):
    """A limit of the protocol, and stated as one: the sum is over the committed vectors, true or not."""
    lies = [*vectors[:2], (vectors[2][0] + 1000, 0, 0, 0, 0)]
    parties = parties_of(spec, lies, BLINDINGS)
    states = exchange(spec, session_of(spec, parties), parties)
    assert states[0].result().totals == tuple(sum(column) for column in zip(*lies, strict=True))


# ---- commitments come before masks


@pytest.mark.parametrize("missing", MEMBERS)
def test_no_mask_without_the_commitment_of_every_owner(run, missing):
    _, session, _ = run
    commitments = {member: point for member, point in session.commitments.items() if member != missing}
    with pytest.raises(CouldNotCheck) as caught:
        Session.open(session.spec, CHAIN_ID, commitments)
    assert caught.value.code == "commitments-missing"
    assert missing in caught.value.detail


def test_a_commitment_after_the_masks_does_not_fit(run):
    """Who sees the messages first and commits to fit them changes the transcript: the masks are others."""
    _, session, states = run
    late = Session.open(session.spec, CHAIN_ID, {**session.commitments, MEMBERS[2]: vector_commit((40, 0, 0, 0, 0), 3)})
    for state in states[:2]:
        with pytest.raises(PartyFault, match="transcript"):
            check_message(late, state.member, state.outgoing())


def test_our_commitment_on_the_chain_must_be_the_stored_one(run):
    parties, session, _ = run
    other = Session.open(
        session.spec, CHAIN_ID, {**session.commitments, MEMBERS[0]: vector_commit((11, 0, 0, 0, 0), 3)}
    )
    with pytest.raises(PartyFault) as caught:
        parties[0].mask(other, seeds_of(session.spec, MEMBERS[0]))
    assert caught.value.check == "own-commitment"


def test_a_copied_commitment_is_refused(run):
    _, session, _ = run
    with pytest.raises(PartyFault) as caught:
        Session.open(session.spec, CHAIN_ID, {**session.commitments, MEMBERS[2]: session.commitments[MEMBERS[0]]})
    assert caught.value.check == "commitment-copied"


@pytest.mark.parametrize("point", [b"", b"\0" * 48, b"\xff" * 48, b"\1" * 47])
def test_a_commitment_that_is_no_point_names_its_owner(run, point):
    _, session, _ = run
    with pytest.raises(MessageRefused) as caught:
        Session.open(session.spec, CHAIN_ID, {**session.commitments, MEMBERS[1]: point})
    assert caught.value.sender == MEMBERS[1]


# ---- seeds


def test_both_ends_derive_the_same_seed_and_other_runs_another():
    spec = make_spec()
    keys = [agreement_key(member) for member in MEMBERS]

    def seed(spec, chain_id, own, peer):
        return pair_seed(spec, chain_id, MEMBERS[own], keys[own], MEMBERS[peer], public_of(keys[peer]))

    here = seed(spec, CHAIN_ID, 0, 1)
    assert here == seed(spec, CHAIN_ID, 1, 0)
    more = spec_for((*MEMBERS, "0x" + "ff" * 20))
    others = {
        seed(spec, CHAIN_ID + 1, 0, 1),
        seed(make_spec(task_id="cd" * 32), CHAIN_ID, 0, 1),
        seed(more, CHAIN_ID, 0, 1),
        seed(spec, CHAIN_ID, 0, 2),
        seed(spec, CHAIN_ID, 1, 2),
    }
    assert here not in others
    assert len(others) == 5


def test_an_agreement_key_without_a_secret_names_the_peer():
    with pytest.raises(PartyFault) as caught:
        pair_seed(make_spec(), CHAIN_ID, MEMBERS[0], agreement_key(MEMBERS[0]), MEMBERS[1], bytes(32))
    assert (caught.value.check, caught.value.sender) == ("agreement-key", MEMBERS[1])


def test_masks_are_scalars_and_depend_on_the_transcript():
    masks = expand_masks(b"\1" * 32, b"\2" * 32, 6)
    assert len(masks) == len(set(masks)) == 6
    assert all(0 <= mask < ORDER for mask in masks)
    assert expand_masks(b"\1" * 32, b"\3" * 32, 6) != masks
    assert expand_masks(b"\1" * 32, b"\2" * 32, 3) == masks[:3]
