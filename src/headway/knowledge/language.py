"""Which tokenizer a full-text index uses. All are bundled: none downloads a dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from headway.core.errors import InputError
from headway.knowledge.cut import EAST

# Name of the stemmer, its code, and words that are frequent in this language and not in others.
_LANGUAGES: dict[str, tuple[str, str]] = {
    "English": ("en", "the and of to is that with for was from this which"),
    "German": ("de", "der die das und ist nicht mit von den ein eine wird auf"),
    "French": ("fr", "le les des et est une dans pour que qui sur pas"),
    "Spanish": ("es", "el los las y es una por con del que para como"),
    "Italian": ("it", "il gli che di è una per con della sono nel non"),
    "Dutch": ("nl", "het een van en is niet op dat met voor zijn wordt"),
    "Portuguese": ("pt", "o os que uma não para com dos em do da são"),
    "Swedish": ("sv", "och att det som är på för av med den inte ett"),
    "Danish": ("da", "og at det som er på for af med den ikke et"),
    "Norwegian": ("no", "og at det som er på for av med den ikke et"),
    "Finnish": ("fi", "ja on ei se että oli hän joka mutta ovat"),
    "Russian": ("ru", "и в не на что с по это как для"),
    "Turkish": ("tr", "ve bir bu için ile da de olarak çok"),
}
_EASTERN = {"zh": "Chinese", "ja": "Japanese", "ko": "Korean"}
_EASTERN_RUN = re.compile(f"{EAST.pattern}+")
_SAMPLE = 200_000  # characters looked at; the rest will hardly be in another language


def spread(text: str) -> str:
    """Text as it is indexed and asked for: runs of Chinese, Japanese and Korean characters become
    single characters and pairs, as these scripts put no space between words. Pairs carry the
    meaning, single characters still find a question of one character. All else stays, so that
    words of other languages beside them are found as words."""
    if not EAST.search(text):
        return text

    def parts(run: re.Match[str]) -> str:
        chars = run[0]
        pairs = (chars[i : i + 2] for i in range(len(chars) - 1))
        return f" {' '.join([*chars, *pairs])} "

    return _EASTERN_RUN.sub(parts, text)


def guess(texts: Iterable[str]) -> str:
    """The language of most of the texts: a name, `East Asian`, or `unknown`."""
    sample = _sample(texts)
    letters = sum(char.isalpha() for char in sample)
    if letters and len(EAST.findall(sample)) > 0.2 * letters:
        return "East Asian"
    return _western(sample)


def _sample(texts: Iterable[str]) -> str:
    sample: list[str] = []
    size = 0
    for text in texts:
        sample.append(text[:2000])
        size += len(sample[-1])
        if size > _SAMPLE:
            break
    return "\n".join(sample).lower()


def _western(sample: str) -> str:
    words = re.findall(r"[^\W\d_]+", EAST.sub(" ", sample))
    counts = {
        name: sum(map(frozenset(frequent.split()).__contains__, words))
        for name, (_, frequent) in _LANGUAGES.items()
    }
    best = max(counts, key=lambda name: counts[name])
    # Fewer than these are chance hits, and a wrong stemmer is worse than none.
    return best if counts[best] > max(1, 0.05 * len(words)) else "unknown"


def tokenizer(language: str, texts: Iterable[str]) -> dict[str, Any]:
    """Settings of the full-text index for `language`: `auto`, a name, or a code (`de`).

    What is indexed and asked for goes through `spread` first, whatever the language.

    Raises InputError for a language that is not known.
    """
    wanted = language.strip().lower()
    known = {name.lower(): name for name in _LANGUAGES}
    known |= {code: name for name, (code, _) in _LANGUAGES.items()}
    known |= {key: "East Asian" for pair in _EASTERN.items() for key in (pair[0], pair[1].lower())}
    known |= {"unknown": "unknown", "none": "unknown"}
    if wanted == "auto":
        name = guess(texts)
    elif wanted in known:
        name = known[wanted]
    else:
        raise InputError(
            f"knowledge: language: {language!r} is not known",
            valid=", ".join(["auto", *_LANGUAGES, *_EASTERN.values(), "none"]),
        )
    if name == "East Asian":
        # For the words of another language in between; single words are mostly English. No stop
        # words: among few such words IT is the department.
        between = _western(_sample(texts))
        stemmer = "English" if between == "unknown" else between
        return {
            "base_tokenizer": "simple",
            "language": stemmer,
            "stem": True,
            "remove_stop_words": False,
            "max_token_length": 64,
        }
    if name == "unknown":
        return {"base_tokenizer": "simple", "stem": False, "remove_stop_words": False}
    return {
        "base_tokenizer": "simple",
        "language": name,
        "stem": True,
        "remove_stop_words": True,
        "max_token_length": 64,
    }
