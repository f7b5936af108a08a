"""Words for people, in every language that the product speaks."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Words:
    """One phrase in Chinese and in English."""

    zh: str
    en: str

    def in_language(self, lang: str) -> str:
        """Return the phrase in zh or en."""
        return {"zh": self.zh, "en": self.en}[lang]
