"""Labels."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import ClassVar

from headway.core.protocols import Scored
from headway.metrics.text import answer_of


@lru_cache(maxsize=4096)
def plain(label: str) -> str:
    """A label for comparing: NFKC, lower case, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


class LabelAccuracy:
    """1 where the label is the reference; of several references, any."""

    name: ClassVar[str] = "label_accuracy"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = True

    async def score(self, scored: Scored) -> float | None:
        """0 or 1."""
        references = scored.example.references
        if not references:
            return None
        found = plain(answer_of(scored.record))
        return float(any(found == plain(reference) for reference in references))
