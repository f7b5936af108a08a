"""The verifier: bundle and trust files in, report out. It reads nothing else and calls nobody.

    from bonafides.verify import Occasion, page, verify

    verification = verify(bundle, trust, subject="did:ethr:0x7a69:0x...")       # of format 1
    verification = verify(bundle, [trust], trust_keys=["2fbb..."], subject=...)  # of format 2: the signer's key, pinned
    verification.ok                      # every check holds
    verification.rerun.not_asked         # the records whose rules could not be asked, each with the reason
    html = page(verification, Occasion(case="2026-17", lang="en", made_at="2026-11-27T10:00:00.000+08:00"))

It is installed without a node, too, as `bonafides-verify`: with the modules that it loads, and no others (ADR 63).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from primitives.errors import CouldNotCheck
from replay.report import report_content
from replay.report_material import Occasion, material_of
from replay.verification import Verification
from replay.verification import verify_history as verify
from replay.verification_json import verification_json as as_json

__all__ = ["Occasion", "Verification", "as_json", "content", "page", "require_page_engine", "verify"]


def content(verification: Verification, occasion: Occasion) -> dict[str, Any]:
    """Return the replay report's content, as the broker's own node makes it, of what bundle and trust file show.

    Raises:
        VerificationFailed: the bundle does not hold.
    """
    return report_content(material_of(verification, occasion))


def require_page_engine() -> None:
    """Check that a page can be made here: whoever only verifies needs no template engine.

    Raises:
        CouldNotCheck: `page-engine-missing`.
    """
    if find_spec("jinja2") is None:
        detail = "a page needs the package jinja2; install bonafides-verify[page]"
        raise CouldNotCheck("page-engine-missing", detail)


def page(verification: Verification, occasion: Occasion) -> str:
    """Return the replay report as one HTML page in the language of the occasion.

    Raises:
        VerificationFailed: the bundle does not hold.
        CouldNotCheck: `page-engine-missing`.
    """
    require_page_engine()
    from replay.report_page import render_report  # noqa: PLC0415 - a template engine, which verifying does not need

    return render_report(content(verification, occasion), occasion.lang)
