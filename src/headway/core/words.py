"""Words as answers are compared by them: SQuAD's normalisation, for any script."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache

CACHED = 16_384  # normalised texts kept: references come again with every run, answers often

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
# Chinese and Japanese have no spaces between words, and Korean's depend on the writer.
_EAST_ASIAN = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003347f])"
)


# SQuAD takes out ASCII punctuation; other scripts' marks are taken out as well.
class _Marks(dict[int, int | None]):
    """For str.translate: takes marks out. Each character is judged when it is first met."""

    def __missing__(self, code: int) -> int | None:
        char = chr(code)
        mark = unicodedata.category(char).startswith("P") or char in string.punctuation
        self[code] = None if mark else code
        return self[code]


_MARKS = _Marks()


@lru_cache(maxsize=CACHED)
def tokens(text: str) -> tuple[str, ...]:
    """Tokens after SQuAD's normalisation: NFKC, lower case, no marks, no English articles.

    Each Chinese, Japanese or Korean character is a token of its own. An answer of nothing but
    marks and articles keeps them, so that "The" is not the same as no answer.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    bare = _ARTICLES.sub(" ", plain.translate(_MARKS))
    if not bare.isascii():
        bare = _EAST_ASIAN.sub(r" \1 ", bare)
    return tuple(bare.split()) or tuple(plain.split())


def abstains(phrase: str | None, answer: str | None) -> bool:
    """Whether an answer is the task's phrase for 'I cannot answer this', where it has one."""
    return phrase is not None and answer is not None and tokens(answer) == tokens(phrase)
