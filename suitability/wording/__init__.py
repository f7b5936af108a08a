"""What a report calls the fields, codes and rules of this domain."""

from __future__ import annotations

from domain.vocabulary import Vocabulary
from suitability.wording.duties import DUTIES
from suitability.wording.fields import FIELDS, SEEN
from suitability.wording.sentences import SENTENCES
from suitability.wording.values import CODED, VALUES

VOCABULARY = Vocabulary(FIELDS, VALUES, CODED, DUTIES, SENTENCES, SEEN)
