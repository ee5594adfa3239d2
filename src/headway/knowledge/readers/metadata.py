"""Metadata as flat text by field, and the dates in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any

from headway.knowledge.readers.parsed import one_line

LONGEST = 1000  # characters of one value
MOST = 100  # fields of one document

# Which field's date is the document's: when it last changed, else when it came to hold.
DATES = (
    *("date", "updated", "last_updated", "lastmod", "last_modified", "modified"),
    *("effective", "effective_date", "effective_from", "valid_from"),
    *("published", "publish_date", "publication_date", "pubdate", "created", "created_at"),
)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("january januar jänner jan", "february februar feb", "march märz maerz mar mrz"),
            *("april apr", "may mai", "june juni jun", "july juli jul", "august aug"),
            *("september sept sep", "october oktober oct okt", "november nov"),
            "december dezember dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)",
        r"(?:D:)?(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?!\d{1,5}(?:\D|\Z))",
        r"(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?日",
        r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})(?!\d)",
        rf"(?:[a-z]{{2,9}}\.?,?\s)?(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th)?\s"
        rf"(?P<n>{_MONTH})\.?,?\s(?P<y>\d{{4}})(?!\d)",
        rf"(?P<n>{_MONTH})\.?\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<y>\d{{4}})(?!\d)",
    )
)

# What a line near the top may state, by the ways to say it.
_STATED = {
    "effective": "effective|effective date|effective from|valid from|gültig ab|gültig seit|"
    "in kraft seit|生效日期|生效时间",
    "date": "date|datum|日期",
    "updated": "updated|last updated|last update|updated on|last modified|stand|aktualisiert|"
    "zuletzt aktualisiert|更新日期|更新时间|最后更新",
    "published": "published|published on|publication date|veröffentlicht|发布日期|发布时间",
    "version": "version|版本",
    "status": "status|状态",
    "author": "author|autor|autorin|verfasser|verfasserin|作者",
    "kind": "kind|art",
    "type": "type|document type|typ|类型",
    "category": "category|kategorie|类别|分类",
}
_KEYS = {said: key for key, names in _STATED.items() for said in names.split("|")}
_KEY = "|".join(sorted(map(re.escape, _KEYS), key=len, reverse=True))
_STATEMENT = re.compile(
    rf"(?:^|(?<=[.;|·,。；])\s*)[*_]{{0,3}}(?P<key>{_KEY})[*_]{{0,3}}\s?[:：][*_]{{0,3}}(?=\s|[^\s/])",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<!\b\w)(?<!\d)[.。](?=\s|\Z)|。")
_NEAR = 5  # lines below the title, blank ones apart
_WIDE = 300  # characters of a line that states something


def iso_date(value: str) -> str:
    """The date at the beginning of a text as yyyy-mm-dd; empty where there is none for certain.

    07/08/2025 is none: which is the month depends on where it was written.
    """
    value = value.strip()[:60]
    for form in _FORMS:
        found = form.match(value)
        if found is None:
            continue
        parts = found.groupdict()
        month = _MONTHS[parts["n"].lower()] if parts.get("n") else int(parts["m"])
        try:
            return date(int(parts["y"]), month, int(parts["d"])).isoformat()
        except ValueError:
            return ""
    return ""


def flat(data: Mapping[Any, Any]) -> dict[str, str]:
    """Scalars by lower-cased key (words joined by `_`), lists of scalars joined by commas; what
    is empty or deeper is left out."""
    found: dict[str, str] = {}
    for key, value in data.items():
        name = "_".join(one_line(str(key)).lower().split())[:100]
        text = _scalar(value)
        if isinstance(value, list):
            text = ", ".join(filter(None, map(_scalar, value[:MOST])))
        if name and text:
            found.setdefault(name, text[:LONGEST])
        if len(found) == MOST:
            break
    return found


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        return ""
    text = one_line(str(value)[: 4 * LONGEST])
    return "" if text.lower() in ("~", "null") else text


def dated(metadata: Mapping[str, str], otherwise: str = "") -> dict[str, str]:
    """Metadata with `date` as yyyy-mm-dd, from the first field that holds one; a `date` that is
    none is left out, as what sorts by it would go wrong."""
    found = dict(metadata)
    found.pop("date", None)
    days = (iso_date(metadata[name]) for name in DATES if name in metadata)
    day = next(filter(None, days), "") or otherwise
    return {**found, "date": day} if day else found


def stated(text: str, begin: int = 0) -> dict[str, str]:
    """What the first lines from `begin` on state: `Effective: 2025-01-01. Status: in force.`

    Only lines that begin with a known key, and known keys in them, are taken.
    """
    found: dict[str, str] = {}
    for line in islice(_lines(text, begin), _NEAR):
        if line.startswith("#"):
            break
        line = line.lstrip("-*>| \t") if not line.startswith("**") else line
        matches = list(_STATEMENT.finditer(line)) if len(line) <= _WIDE else []
        if not matches or matches[0].start() > 0:
            continue
        ends = [*(match.start() for match in matches[1:]), len(line)]
        for match, end in zip(matches, ends, strict=True):
            key = _KEYS[match["key"].lower()]
            value = _value(key, line[match.end() : end])
            if value:
                found.setdefault(key, value)
    return found


def _lines(text: str, begin: int) -> Iterator[str]:
    near = text[begin : begin + 20 * _WIDE]  # five lines are further down only in odd texts
    return (line.strip() for line in near.splitlines() if line.strip())


def _value(key: str, said: str) -> str:
    said = said.strip(" \t*_|;,·。；")
    if key in ("effective", "date", "updated", "published"):
        day = iso_date(said)
        if day:
            return day
    if key != "author":
        said = _SENTENCE.split(said, maxsplit=1)[0]
    return one_line(said).removesuffix(".")[:LONGEST]
