"""What hatchling asks when it builds an archive of ours: the verifier's wheel takes its own files, the main one others.

Nothing that git does not track goes out: what lies about in a checkout is nobody else's business.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # hatchling knows this file alone

from scripts.distributions import contents


class Contents(BuildHookInterface[Any]):
    """Fills the archive that is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say what goes in; an editable wheel holds nothing but the way to the checkout."""
        if version == "editable":
            return
        target = self.build_config.target_config
        if self.target_name == "sdist":
            tracked = contents.tracked_files()
            target["only-include"] = ["."] if tracked is None else sorted(tracked)
        elif Path(self.root) == contents.VERIFIER:
            own = sorted(contents.verifier_files())
            build_data["force_include"] |= {str(contents.ROOT / name): name for name in own}
            build_data["extra_metadata"][str(contents.ROOT / "LICENSE")] = "LICENSE"
        else:
            target["only-include"] = sorted(contents.product_files() - contents.verifier_files())
