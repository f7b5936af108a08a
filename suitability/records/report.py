"""That a report or a bundle was given out: a record of the house, beside the client's history (docs/spec/report.md)."""

from __future__ import annotations

from collections.abc import Mapping

from domain.issue import DOCUMENTS, FORMS, ISSUE
from domain.record_type import RecordType
from domain.words import LANGUAGES, Words
from primitives.shapes import Boolean, Integer, ListOf, Nullable, OneOf, Text
from suitability.act import Act
from suitability.shapes import CODE, DIGEST
from suitability.subject import SubjectState

_CLAIMS = ListOf(CODE, 0, 100, unique=True)

FIELDS: Mapping[str, Words] = {
    "block": Words("所依据的区块", "block"),
    "bytes": Words("字节数", "bytes"),
    "document": Words("文件", "document"),
    "holds": Words("各项核验均通过", "every check holds"),
    "identity": Words("回放中的身份序号", "place of the identity in the replay"),
    "issued_to": Words("交付对象", "given to"),
    "language": Words("报告语言", "language of the report"),
    "not_provable": Words("无法证明的主张", "claims that are not provable"),
    "order_id": Words("调取令编号", "number of the order"),
    "proven": Words("已证实的主张", "claims that are proven"),
    "refuted": Words("已否定的主张", "claims that are refuted"),
    "replay": Words("回放编号", "number of the replay"),
    "report_form": Words("报告形式", "form of the report"),
    "sha256": Words("文件摘要", "digest of the document"),
}
VALUES: Mapping[str, Words] = {
    "bundle": Words("证据包", "bundle"),
    "content": Words("报告数据", "report as data"),
    "page": Words("网页报告", "report as a page"),
    "pdf": Words("PDF 报告", "report as PDF"),
    "full": Words("完整报告", "full report"),
}
CODED = frozenset({"document", "language", "report_form"})

TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        ISSUE,
        Words("交付报告或证据包", "Report or bundle given out"),
        f"subject hex32, replay, identity, case, order_id?, document ({', '.join(DOCUMENTS)}), report_form (full, "
        "client), language?, sha256 hex32, bytes, block, holds, proven/refuted/not_provable [claim], issued_to; in the "
        "history of the house that stands for the client's reports, written by the node alone ([report.md](report.md))",
        {
            "subject": DIGEST,
            "replay": Text(60),
            "identity": Integer(0),
            "case": Text(120),
            "order_id": Nullable(Text(200)),
            "document": OneOf(*DOCUMENTS),
            "report_form": OneOf(*FORMS),
            "language": Nullable(OneOf(*LANGUAGES)),
            "sha256": DIGEST,
            "bytes": Integer(1),
            "block": Integer(0),
            "holds": Boolean(),
            "proven": _CLAIMS,
            "refuted": _CLAIMS,
            "not_provable": _CLAIMS,
            "issued_to": Text(200),
        },
        signer="node",
        stage="access_log",
    ),
)
