"""A replay from its asking to its texts, without HTTP: what a chain process's thread makes between the two."""

from __future__ import annotations

import json

from evidence.version2.documents.bundle import parse_bundle
from evidence.version2.state.headers import state_rule
from node_adapter.replay_worker import ReplayWorker
from node_adapter.store import replays
from node_adapter.store.chain import blocks
from node_adapter.workflows.replay.asked import ask_replay, replay_texts, show_replay
from node_adapter.workflows.replay.trust_file import own_word
from replay.verification import verify_history


def replay(node, request, *, turns=50):
    """Ask for a replay and let it be made; return what it gave, with its texts, of each identity."""
    number = ask_replay(node, request)["id"]
    return made_replay(node, number, turns=turns)


def made_replay(node, number, *, turns=50):
    """Let a replay be made that was asked for; raise why it cannot be."""
    worker = ReplayWorker(node, node.state)
    for _ in range(turns):
        if show_replay(node, number)["state"] != replays.WAITING:
            break
        worker.step()
        node.clock.sleep(2)  # what passes of itself is waited for
    return texts_of(node, number)


def texts_of(node, number):
    """What a replay gave that is made; raise why it cannot be."""
    shown = show_replay(node, number)
    related = [{**one, **_texts(node, number, one["number"])} for one in shown["related"]]
    return {**shown, **_texts(node, number, 0), "related": related}


def _texts(node, number, place):
    found = replay_texts(node, number, place)
    return {"bundle": found.bundle, "report_html": found.report_html, "report": json.loads(found.report)}


def word(node, block=None):
    """The member's trust file of a block and its key: what a verifier takes who trusts this member."""
    with node.store.read() as connection:
        return own_word(node, connection, blocks.tip(connection).number if block is None else block)


def word_for(node, bundle):
    """The same of the block that a bundle is of."""
    return word(node, block_of(bundle))


def block_of(bundle):
    """The block whose state a bundle shows."""
    read = parse_bundle(bundle.encode() if isinstance(bundle, str) else bundle)
    return state_rule(read.header_rule).parse(read.header, "header").number


def verified(node, bundle, **more):
    """Verify a bundle as one who takes this member's word; `more` is what the verifier brings beside."""
    data = bundle.encode() if isinstance(bundle, str) else bundle
    said = word_for(node, data)
    return verify_history(data, said.file, trust_keys=[said.key], **more)


def report_on(node, bundle, **more):
    """What the evidence of a bundle shows."""
    return verified(node, bundle, **more).report


def trust_words(node, directory, *bundles):
    """Write the member's trust files of the blocks of bundles; return the options that name them to the command."""
    said = {word.file: word for word in (word_for(node, bundle) for bundle in bundles)}
    words = []
    for number, one in enumerate(said.values()):
        path = directory / f"trust of {number}.json"
        path.write_bytes(one.file)
        words += ["--trust", str(path), "--trust-key", one.key]
    return words
