"""Another engine than the product's, in the package where the registry looks for them."""

from contextlib import contextmanager
from pathlib import Path

from mpc import engines, registry

HERE = Path(__file__).with_name("engines")


@contextmanager
def in_the_room(monkeypatch, folder=HERE):
    """Let the modules of a folder be modules of `mpc.engines`, as if they had been dropped there."""
    with monkeypatch.context() as patch:
        patch.setattr(engines, "__path__", [*engines.__path__, str(folder)])
        registry.engines.cache_clear()
        yield
    registry.engines.cache_clear()
