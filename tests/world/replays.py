"""A replay from its asking to its texts, without HTTP: what a chain process's thread makes between the two."""

from __future__ import annotations

import json

from node_adapter.replay_worker import ReplayWorker
from node_adapter.store import replays
from node_adapter.store.chain import blocks
from node_adapter.workflows.replay.asked import ask_replay, replay_texts, show_replay
from node_adapter.workflows.replay.trust_file import own_word


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
