"""The database of format 1 beside a migrated node's own: is it there, and is it the one that this node left behind?"""

from __future__ import annotations

from node_adapter.settings import Settings
from node_adapter.store import alarms, former, former_records
from node_adapter.store.engine import Store, open_store
from primitives.errors import BonafidesError


def require_own(settings: Settings, store: Store) -> None:
    """Check the database of format 1 of a node that was migrated; of another node nothing is asked.

    Raises:
        Refused: `former-not-found`.
        VerificationFailed: check `local-log`; it is another node's, or not whole.
        CouldNotCheck: `store-unavailable`.
    """
    with store.read() as connection:
        log = former.find_log(connection)
    if log is None:
        return
    former.require_former(settings.former_path)
    before = open_store(settings.former_path)
    try:
        with before.read() as connection:
            former_records.require_log(connection, log)
    finally:
        before.dispose()


def watch(settings: Settings, store: Store, now_ms: int) -> None:
    """Raise the alarm `former-missing` where it is not there, or another one; close it where all is well."""
    try:
        require_own(settings, store)
    except BonafidesError as error:
        with store.write() as connection:
            alarms.raise_alarm(connection, alarms.FORMER_MISSING, settings.former_path.name, str(error), now_ms)
        return
    with store.read() as connection:
        is_open = alarms.is_open(connection, alarms.FORMER_MISSING)
    if is_open:
        with store.write() as connection:
            alarms.close_alarm(connection, alarms.FORMER_MISSING, now_ms)
