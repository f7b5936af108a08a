"""A client's state as a node keeps it: itself in one place, what lies under keys in another, read when it is asked."""

import json

from suitability.subject import SubjectState
from suitability.subject_json import entries_to_json, reading, state_from_json, state_to_json, written


class StoredState:
    """What was written of a state."""

    def __init__(self):
        self.entries = {}
        self.document = ""
        self.write(SubjectState())

    def write(self, state):
        self.document = json.dumps(state_to_json(state))
        self.entries |= {key: json.dumps(value) for key, value in entries_to_json(state).items()}

    def read(self):
        return reading(state_from_json(json.loads(self.document)), self._find)

    def holds(self, state):
        """Say whether all of a state that was never written is here, and nothing else."""
        entries = {key: json.dumps(value) for key, value in entries_to_json(state).items()}
        return self.entries == entries and state_from_json(json.loads(self.document)) == written(state)

    def _find(self, key):
        return json.loads(self.entries[key]) if key in self.entries else None
