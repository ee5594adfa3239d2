"""Texts against references by what they share: ROUGE, chrF and BLEU.

ROUGE (Lin, 2004) as F1: of single tokens, of pairs, and of the longest common subsequence
(rapidfuzz, as a long answer is quadratic work). Tokens are those of `token_f1`, so that languages
without spaces are scored as well; nothing is stemmed. chrF (Popović, 2015) and BLEU (Papineni et
al., 2002) of one sentence by sacrebleu. BLEU of one short text is mostly chance: it is here for
comparing with published figures. None of them costs a call; the best over the references counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from headway.core.errors import MissingExtra
from headway.core.protocols import Scored
from headway.core.words import tokens
from headway.metrics.text import best

Compare = Callable[[str, str], float]


def rouge_n(answer: str, reference: str, n: int) -> float:
    """F1 of the runs of n tokens that both have, each counted as often as in the one with fewer."""
    a, b = _runs(tokens(answer), n), _runs(tokens(reference), n)
    common = sum((a & b).values())
    return 2.0 * common / (a.total() + b.total()) if common else 0.0


def rouge_l(answer: str, reference: str) -> float:
    """F1 of the longest common subsequence of tokens."""
    from rapidfuzz.distance import LCSseq

    a, b = tokens(answer), tokens(reference)
    if not a or not b:
        return 0.0
    return 2.0 * float(LCSseq.similarity(a, b)) / (len(a) + len(b))


def _runs(text: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(text[i:] for i in range(n)), strict=False))


class _Overlap:
    """What they share: needs, and the best reference."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = False

    def __init__(self) -> None:
        self._compare = self._made()

    def _made(self) -> Compare:
        """The comparison. Raises MissingExtra."""
        raise NotImplementedError

    async def score(self, scored: Scored) -> float | None:
        """0 to 1. An abstention is right or wrong as a whole."""
        return best(scored, self._compare)


class Rouge1(_Overlap):
    """ROUGE-1: single tokens."""

    name: ClassVar[str] = "rouge_1"

    def _made(self) -> Compare:
        return lambda answer, reference: rouge_n(answer, reference, 1)


class Rouge2(_Overlap):
    """ROUGE-2: pairs of tokens; 0 for a reference of one token."""

    name: ClassVar[str] = "rouge_2"

    def _made(self) -> Compare:
        return lambda answer, reference: rouge_n(answer, reference, 2)


class RougeL(_Overlap):
    """ROUGE-L: the longest common subsequence of tokens, over the text as a whole."""

    name: ClassVar[str] = "rouge_l"

    def _made(self) -> Compare:
        try:
            import rapidfuzz.distance  # noqa: F401
        except ImportError:
            raise MissingExtra(f"the metric {self.name}", "text") from None
        return rouge_l


class ChrF(_Overlap):
    """chrF: F2 of character runs up to six, without spaces; no matter how a language parts
    words."""

    name: ClassVar[str] = "chrf"

    def _made(self) -> Compare:
        return _by_sacrebleu(self.name, "CHRF")


class Bleu(_Overlap):
    """BLEU of one text, with exponential smoothing and sacrebleu's tokens for the script."""

    name: ClassVar[str] = "bleu"

    def _made(self) -> Compare:
        plain = _by_sacrebleu(self.name, "BLEU", effective_order=True)
        # Its usual tokens are words with spaces around them; these scripts have none.
        signs = _by_sacrebleu(self.name, "BLEU", effective_order=True, tokenize="char")
        return lambda answer, reference: (signs if _unspaced(reference) else plain)(
            answer, reference
        )


def _by_sacrebleu(name: str, kind: str, **options: Any) -> Compare:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise MissingExtra(f"the metric {name}", "text") from None
    metric = getattr(metrics, kind)(**options)

    def compare(answer: str, reference: str) -> float:
        # Texts that cannot be written as UTF-8 break its hashing; they are no words either.
        texts = [t.encode("utf-8", "replace").decode() for t in (answer, reference)]
        found = metric.sentence_score(texts[0], [texts[1]]).score / 100.0
        return min(1.0, max(0.0, float(found)))

    return compare


@lru_cache(maxsize=4096)
def _unspaced(text: str) -> bool:
    """Whether most of it is written without spaces: more than half of its tokens are one sign."""
    found = tokens(text)
    return not text.isascii() and sum(len(token) == 1 for token in found) * 2 > len(found)
