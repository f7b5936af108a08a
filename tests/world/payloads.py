"""What a broker's system hands in: the payloads of an assessment, and a product's rating."""

from __future__ import annotations

from primitives.timestamp import format_time
from tests.world.clock import START

ANSWERS = {
    "Q1": ["A"], "Q2": ["C"], "Q3": ["A"], "Q4": ["B"], "Q5": ["A"], "Q6": ["C"], "Q7": ["B"], "Q8": ["C"],
    "Q9": ["B", "C"], "Q10": ["C"], "Q11": ["B"], "Q12": ["B"], "Q13": ["C"], "Q14": ["C"], "Q15": ["C"],
    "Q16": ["B"], "Q17": ["B"], "Q18": ["B"], "Q19": ["D"], "Q20": ["B"],
}  # fmt: skip
PAYLOADS = {
    "ID_VERIFY": {
        "id_kind": "ID_CARD",
        "id_commitment": "aa" * 48,
        "face_score": 97,
        "liveness": True,
        "police_check_ref": "police-1",
        "valid_to": None,
    },
    "INFO_COLLECT": {
        "basics": {"source": "synthetic", "name": "Synthetic Person", "age": 40, "synthetic": True},
        "finance": {
            "source": "synthetic",
            "assets_fen": 1,
            "debts_fen": 2,
            "income_fen": 3,
            "holdings_fen": dict.fromkeys(("R1", "R2", "R3", "R4", "R5"), 5),
        },
    },
    "DUTY_NOTICE": {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 9000},
    "Q_SUBMIT": {
        "form": "individual-20@1",
        "answers": ANSWERS,
        "screen": {"age": 40, "incapacity": False, "no_loss": None},
        "duration_ms": 240_000,
        "declaration": True,
    },
}


def rating(product_id="fund-1", risk="R5"):
    return {
        "product": {"id": product_id, "risk": risk, "term": "1Y", "type": "T1"},
        "name": "A synthetic fund",
        "factors": {"liquidity": "daily"},
        "method": "method-1",
        "committee": "committee",
        "effective_from": format_time(START - 86_400_000),
    }
