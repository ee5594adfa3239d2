"""Sentences in documents that speak to a model rather than to a reader.

A document that says "ignore all previous instructions" is shown to the model as data; a small model
may follow it all the same (Greshake et al., 2023: indirect prompt injection). Found by phrases in
English, German and Chinese: what is worded otherwise is not found, and an article about such
sentences is found as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_PHRASES = (
    # English
    r"(?:ignore|disregard|forget|override)\s+(?:(?:all|any|the|your|my|of|these|those|every)\s+)*"
    r"(?:above|foregoing|(?:previous|prior|earlier|preceding|former|system|original)"
    r"(?:\s+(?:\w+\s+)?(?:instruction|prompt|rule|message|direction|command|context|text)s?\b"
    r"|\s*(?:[.,;:!]|\Z)))",
    r"(?:ignore|disregard|forget)\s+(?:everything|all|anything|what)\s+(?:\w+\s+){0,4}"
    r"(?:above|before|previously|so far)",
    r"(?:ignore|disregard|forget)\s+(?:all\s+)?(?:of\s+)?(?:your|these|those)\s+"
    r"(?:instructions|rules|guidelines|prompts?)",
    r"you\s+are\s+now\s+(?:an?\b|no\s+longer|DAN\b|my\b|in\s+\w+\s+mode|free\s+from|jailbroken)",
    r"system\s+prompt\b",
    r"(?:do\s+not|don['’]?t|never)\s+(?:tell|inform|alert|mention\s+(?:this|it)\s+to|reveal\s+this\s+to)"
    r"\s+the\s+(?:user|human|reader)",
    r"(?:reveal|print|repeat|show|output|leak|tell\s+me)\s+(?:me\s+)?your\s+(?:\w+\s+)?"
    r"(?:prompt|instructions)",
    r"(?:new|updated)\s+instructions?\s*(?:for\s+(?:the\s+)?(?:ai|assistant|model)|:)",
    r"<\|(?:im_start|im_end|system|endoftext|eot_id|start_header_id)\|>|\[/?INST\]|<<SYS>>",
    # German
    r"(?:ignorier\w*|vergiss|vergessen\s+sie|missachte\w*|überg(?:eh|ing)\w*)\s+(?:sie\s+)?"
    r"(?:(?:alle|sämtliche|die|deine|ihre|jede)\s+)*(?:vorherig|vorig|bisherig|früher|obig|"
    r"vorangegangen|vorangehend|vorstehend|oben)\w*",
    r"(?:ignorier\w*|vergiss|missachte\w*)\s+(?:sie\s+)?(?:alles|was)\s+(?:\w+\s+){0,3}"
    r"(?:oben|bisher|vorher|davor|zuvor)",
    r"(?:ignorier\w*|vergiss|missachte\w*)\s+(?:alle\s+)?(?:deine|ihre)\s+"
    r"(?:anweisungen|regeln|vorgaben|instruktionen)",
    r"(?:du\s+bist|sie\s+sind)\s+(?:jetzt|nun|ab\s+sofort)\s+(?:ein\w*|kein\w*|nicht\s+mehr)\b",
    r"system-?(?:prompt|anweisung)\w*",
    r"(?:sag\w*|verrat\w*|teil\w*)\s+(?:es\s+|das\s+|dies\s+)?(?:dem|der)\s+"
    r"(?:nutzer|benutzer|anwender)\w*\s+(?:\w+\s+)?nicht",
    r"(?:verrat\w*|zeig\w*|gib|nenn\w*|wiederhol\w*)\s+(?:mir\s+)?(?:deine?n?|ihre?n?)\s+"
    r"(?:\w+\s+)?(?:prompt|anweisungen|instruktionen)",
    # Chinese
    r"(?:忽略|无视|忘记|忘掉|不要理会|無視)(?:掉)?(?:你)?(?:所有|全部|一切)?(?:的)?(?:之前|以前|以上|上述|上面|先前|此前|前面)",
    r"(?:忽略|无视|忘记)(?:你的)?(?:所有|全部|一切)?(?:的)?(?:指令|指示|提示词|规则)",
    r"你现在(?:是|扮演|不再)|从现在(?:开始|起)[,，]?\s?你",
    r"系统(?:提示词|指令)",
    r"不要(?:告诉|告知|通知|提醒)用户",
    r"(?:透露|泄露|显示|输出|说出|告诉我|打印)你的(?:系统)?(?:提示|指令)",
)
_ORDER = re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES), re.IGNORECASE)
# Every phrase begins with one of these; to look for them first is many times faster.
_START = re.compile(
    "ignor|disregard|forget|overrid|you\\s|system|do\\s|don['’]?t|never|reveal|print|repeat|show|output"
    "|leak|tell\\s|new\\s|updated|<\\||\\[/?inst|<<sys|vergiss|vergess|missacht|überg|du\\s|sie\\s"
    "|sag|verrat|teil|zeig|gib|nenn|wiederhol|忽略|无视|無視|忘记|忘掉|不要|你现在|从现在|系统|透露"
    "|泄露|显示|输出|说出|告诉我|打印"
)
# Letters that are not shown: the tag block spells ASCII, the others part words.
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
_UNSEEN = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad\U000e0000-\U000e007f]")
_AROUND = 30  # characters beside a phrase that a quote shows
_LONGEST = 90

Planted = tuple[int, str]
"""(offset in the text, quote)."""


def planted(text: str) -> Iterator[Planted]:
    """What in the text is aimed at a model, in order."""
    seen, places = _shown(text)
    low = seen.lower()
    if len(low) != len(seen):  # a few letters are two in lower case
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in seen)
    end = 0
    for sign in _START.finditer(low):
        found = _ORDER.match(seen, sign.start()) if sign.start() >= end else None
        if found is None:
            continue
        start, end = found.span()
        begin = max(0, start - _AROUND)
        quote = _printable(seen[begin : min(end + _AROUND, begin + 2 * _LONGEST)])
        quote = quote if len(quote) <= _LONGEST else quote[: _LONGEST - 1] + "…"
        yield (places[start] if places else start), quote


def _shown(text: str) -> tuple[str, list[int]]:
    """The text as a model may take it, and where each of its characters stands in the original;
    no places where nothing was changed."""
    if not _UNSEEN.search(text):
        return text, []
    kept: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        shown = _TAGS.get(ord(letter)) or ("" if _UNSEEN.match(letter) else letter)
        if shown:
            kept.append(shown)
            places.append(place)
    return "".join(kept), places


def _printable(text: str) -> str:
    """On one line, without what a terminal would obey."""
    plain = "".join(c for c in text if unicodedata.category(c)[0] != "C" or c in "\t\n")
    return " ".join(plain.split())
