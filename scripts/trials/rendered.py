"""What a rendered report says, read as a person reads it: out of the page, or out of the text of the PDF.

The words by which a claim and its answer are known stand here a second time, so that nobody asks the program under
trial what its words mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

import pypdfium2

CLAIMS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "等级或匹配意见计算有误": "WRONG_RESULT",
        "未经测评即办理业务": "NEVER_TESTED",
        "测评已过期仍办理": "TEST_EXPIRED",
        "未作不匹配警示": "NOT_WARNED",
        "未取得客户确认": "NOT_CONFIRMED",
        "事后补签或补录": "SIGNED_LATE",
        "未经授权使用数据": "NO_CONSENT",
    },
    "en": {
        "The level or an opinion was computed wrongly": "WRONG_RESULT",
        "The client was never assessed": "NEVER_TESTED",
        "The assessment had expired": "TEST_EXPIRED",
        "The client was not warned of a mismatch": "NOT_WARNED",
        "A confirmation by the client is missing": "NOT_CONFIRMED",
        "Signed or recorded after the fact": "SIGNED_LATE",
        "Data was used without consent": "NO_CONSENT",
    },
}
RESULTS: Mapping[str, Mapping[str, str]] = {
    "zh": {"成立": "PROVEN", "不成立": "REFUTED", "无法证明": "NOT_PROVABLE"},
    "en": {"proven": "PROVEN", "refuted": "REFUTED", "not provable": "NOT_PROVABLE"},
}
HOLDS = {"zh": "证据核验全部通过", "en": "All checks of the evidence hold"}
_CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)+")


class _Cells(HTMLParser):
    """The rows of every table, each a list of texts, and the text of the verdict."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.verdict = ""
        self._in_verdict = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        if tag == "tr":
            self.rows.append([])
        elif tag == "td" and self.rows:
            self.rows[-1].append("")
        elif tag == "div" and "verdict" in str(dict(attrs).get("class")):
            self._in_verdict = True

    def handle_endtag(self, tag: str) -> None:
        """End the verdict."""
        if tag == "div":
            self._in_verdict = False

    def handle_data(self, data: str) -> None:
        """Take the text of a cell."""
        if self._in_verdict:
            self.verdict += data
        elif self.rows and self.rows[-1]:
            self.rows[-1][-1] += f" {data.strip()}" if data.strip() else ""


def read_page(page: str, lang: str) -> tuple[bool, dict[str, str], frozenset[str]]:
    """Return whether the evidence holds, the answer to each claim, and the codes of the findings, of a page."""
    cells = _Cells()
    cells.feed(page)
    answers = {
        CLAIMS[lang][row[0].strip()]: RESULTS[lang][row[1].strip()]
        for row in cells.rows
        if row and row[0].strip() in CLAIMS[lang]
    }
    return HOLDS[lang] in cells.verdict, answers, frozenset(_codes(cells.rows))


def _codes(rows: list[list[str]]) -> Iterator[str]:
    """Return the codes of the list of findings: the only table of four columns whose second one ends with a code."""
    for row in rows:
        last = row[1].split()[-1:] if len(row) == len(("record", "finding", "rule", "detail")) else []
        yield from (word for word in last if _CODE.fullmatch(word))


def read_pdf(file: bytes, lang: str) -> tuple[bool, dict[str, str]]:
    """Return whether the evidence holds, and the answer to each claim, of a file of PDF.

    The rows of the conclusion stand in the order of the claims; the text of a claim may be broken over lines.
    """
    document = pypdfium2.PdfDocument(file)
    try:
        text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()
    flat = re.sub(r"\s+", " ", text)
    part = flat[flat.index(HOLDS[lang]) : flat.index({"zh": "3 四阶段", "en": "3 The four stages"}[lang])]
    ends = {"zh": "“成立”指", "en": '"Proven"'}
    table = part[: part.index(ends[lang])]
    found = re.findall("|".join(sorted(RESULTS[lang], key=len, reverse=True)), table)
    answers = [RESULTS[lang][word] for word in found]
    return True, dict(zip(CLAIMS[lang].values(), answers, strict=True))
