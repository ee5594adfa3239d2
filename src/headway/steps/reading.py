"""What a reply says: thinking apart from the answer, refusals, JSON, labels.

What a model writes is data, so nothing here fails on any text; what cannot be read is None.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from json_repair import repair_json
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable

from headway.core.errors import InputError
from headway.core.thinking import apart as apart

# --- thinking and the answer ----------------------------------------------------------------------

# At the start of a line, in whatever markup; else, as some models write it, within one.
_ANSWER_LINE = re.compile(
    r"^[ \t>*_#-]*(?:(?:the|my)[ \t]+)?(?:final[ \t]+)?answer\b[ \t*_]*:(?:\*\*|__)?[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER = re.compile(r"\bAnswer:(?:\*\*|__)?[ \t]*")
_BOX = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
# A heading with nothing under it heads nothing: so the solutions of GSM8K end, and models that
# have read them.
_LAST_HEADING = re.compile(r"^[ \t]*#{2,4}[ \t]+([^\n]+?)\s*\Z", re.MULTILINE)
_AFTER = re.compile(
    r"^[ \t>*_#-]*(?:explanation|reasoning|justification)\b[ \t*_]*:", re.IGNORECASE | re.MULTILINE
)


def split_answer(text: str) -> tuple[str, str, bool]:
    """(what stands before the last `Answer:`, what behind it, whether there is one)."""
    marks = list(_ANSWER_LINE.finditer(text)) or list(_ANSWER.finditer(text))
    if not marks:
        return "", text, False
    return text[: marks[-1].start()], text[marks[-1].end() :], True


def conclusion(text: str) -> str | None:
    """The answer at the end of a reply that thinks before it: behind `Answer:`, up to an
    explanation that follows; where there is no such line, in the last LaTeX box or behind a last
    heading. A box around the answer is taken off. None where nothing marks an answer."""
    _, tail, marked = split_answer(text)
    if marked:
        tail = _AFTER.split(tail)[0]
    boxes = _BOX.findall(tail)
    if boxes and not (marked and re.search(r"\w", _BOX.sub("", tail))):
        return str(boxes[-1]).strip()
    if marked:
        return _bare(tail)
    heading = _LAST_HEADING.search(text)
    return _bare(heading[1]) if heading else None


def _bare(text: str) -> str:
    """Without white space around it, and without marks of emphasis that open or close nothing."""
    text = text.strip()
    for mark in ("**", "__"):
        if text.count(mark) % 2:
            text = text.removesuffix(mark) if text.endswith(mark) else text.removeprefix(mark)
        elif text.startswith(mark) and text.endswith(mark) and text.count(mark) == 2:
            text = text[len(mark) : -len(mark)]
    return text.strip()


# --- refusals -------------------------------------------------------------------------------------

LONGEST = 200  # characters; a longer reply says something
# What a model says when it will not answer. Not what one says who cannot find something, or a
# service that cannot do something: "Sorry, I cannot find it", "We cannot help with refunds".
# So each ends where the sentence does, or names the request itself.
_THIS_EN = (
    r"(?:that|this|it|your (?:request|question)|(?:this|that|such an?|the|your) (?:\w+ )?"
    r"(?:request|question|task|topic|matter|query))"
)
_REFUSALS = (
    # English
    rf"(?:help|assist)(?: you)?(?: (?:with|in|on) {_THIS_EN})?(?:[.!;]|, (?:but|as|because)\b|$)",
    rf"(?:comply|engage|continue)(?: (?:with|in|on) {_THIS_EN})?(?:[.!;]|$)",
    rf"(?:fulfil+|complete|process|do|provide|create|generate|write|discuss) {_THIS_EN}(?:[.!;]|$)",
    r"(?:provide|give|offer)(?: you)? (?:instructions|guidance|advice) (?:on|for|about)\b",
)  # fmt: skip
_CANNOT_EN = (
    r"i(?: am|'m)? ?(?:can(?:no|')t|can not|not able to|unable to|will not|won't|not allowed to"
    r"|not going to)(?: be able to)? "
)
_SORRY = (
    r"(?:(?:(?:i am|i'm) (?:very |so |really |truly )?sorry|sorry|i apologi[sz]e|my apologies"
    r"|unfortunately)(?: for (?:the|any) [\w ]{4,30})?[,.!:;]* *(?:but )?)?"
)
_ELSEWHERE = (
    # German
    r"(?:(?:es )?tut mir (?:sehr )?leid|entschuldigung|leider)?[,.!]* *(?:aber )?"
    r"(?:ich kann|(?:dabei|damit|hierbei|das) kann ich|kann ich)(?: ihnen| dir)?"
    r"(?: (?:dabei|damit|hierbei|bei dieser (?:an)?frage|diese anfrage))?(?: leider)? nicht "
    r"(?:weiter)?(?:helfen|behilflich sein|unterstützen|erfüllen|bearbeiten)(?:[.!;]|$)",
    # French
    r"(?:(?:je suis )?(?:vraiment )?(?:désolée?|navrée?)|malheureusement)?[,.!]* *(?:mais )?"
    r"je ne (?:peux|puis) pas (?:vous |t')?(?:aider|assister)"
    r"(?: (?:avec|à|sur|pour) (?:cela|ça|(?:cette|votre|ta) (?:demande|question)))?(?:[.!;]|$)",
    # Spanish
    r"(?:lo siento(?: mucho)?|disculpa|perdón|lamentablemente)?[,.!]* *(?:pero )?no puedo "
    r"ayudar(?:te|le|lo|la)?(?: con (?:eso|esto|(?:esa|esta|tu|su) (?:solicitud|petición)))?"
    r"(?:[.!;]|$)",
    # Italian
    r"(?:mi dispiace|purtroppo)?[,.!]* *(?:ma )?non posso "
    r"(?:aiutar(?:ti|la|vi|e)|assister(?:ti|la))"
    r"(?: (?:con|in) (?:questo|ciò|(?:questa|la tua) richiesta))?(?:[.!;]|$)",
    # Portuguese
    r"(?:desculpe|sinto muito|lamento|infelizmente)?[,.!]* *(?:mas )?não posso "
    r"(?:te |lhe )?ajud(?:ar|á-l[oa])(?: você)?"
    r"(?: com (?:isso|isto|(?:essa|esta|sua) solicitação))?(?:[.!;]|$)",
    # Dutch
    r"(?:het spijt me|sorry|helaas)?[,.!]* *(?:maar )?"
    r"(?:ik kan (?:je|u)|(?:daar|hier) kan ik (?:je|u))"
    r" (?:daar |hier )?(?:niet )?(?:mee|bij)? ?(?:niet )?helpen(?:[.!;]|$)",
    # Chinese, Japanese
    r"(?:很?抱歉|对不起|不好意思)[，,。]? ?(?:但是?)?我(?:无法|不能)"
    r"(?:协助|帮助(?:您|你)?|满足|完成)"
    r"(?:(?:处理)?(?:您|你)?(?:这个|此|该|的)*(?:请求|要求|问题|任务))?(?:[。！]|$)",
    r"申し訳(?:ありません|ございません|ないです)(?:が)?[、。]?.{0,24}(?:お手伝い|お答え|対応|お応え)"
    r"(?:することは|は)?(?:できません|いたしかねます|できかねます)",
)  # fmt: skip
_MACHINE = (
    r"as an? (?:ai|artificial intelligence) (?:language )?model",
    r"as an? (?:[\w-]+ )?(?:ai|artificial intelligence)\b.{0,40}"
    r"\bi (?:can(?:no|')t|can not|am not able|am unable"
    r"|(?:do not|don't) have the (?:ability|capability|capacity))",
    r"als (?:ki|künstliche intelligenz)\b.{0,40}\b(?:kann|darf) ich .{0,60}\bnicht\b",
    r"als sprachmodell\b",
    r"en tant qu(?:e |')(?:ia|intelligence artificielle|modèle de langage|assistant ia)\b.{0,40}"
    r"\bje ne (?:peux|puis)",
    r"como (?:ia|inteligencia artificial|modelo de lenguaje|modelo de linguagem)\b.{0,40}"
    r"\b(?:no|não) (?:puedo|posso)",
    r"come (?:ia|intelligenza artificiale|modello linguistico)\b.{0,40}\bnon posso",
    r"作为(?:一个|一名)?(?:ai|人工智能)(?:语言模型|助手)?[，,]? ?我(?:无法|不能)",
)
REFUSAL = re.compile(
    rf"\s*(?:{_SORRY}{_CANNOT_EN}(?:{'|'.join(_REFUSALS)})|{_SORRY}(?:{'|'.join(_MACHINE)})"
    rf"|{'|'.join(_ELSEWHERE)})",
    re.IGNORECASE,
)


def refuses(text: str, abstain: str | None = None) -> bool:
    """Whether a reply says no more than that the model will not answer; the task's own phrase for
    'I cannot answer this' never does."""
    text = " ".join(text.replace("’", "'").split())
    if len(text) >= LONGEST or REFUSAL.match(text) is None:
        return False
    return abstain is None or _words(text) != _words(abstain.replace("’", "'"))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


# --- JSON -----------------------------------------------------------------------------------------

# Of what is repaired: characters, and brackets that open, since the package's time grows with the
# square of those that never close.
MOST, MOST_OPEN = 20_000, 200


def first_json(text: str) -> Any | None:
    """The first JSON object in a text, fenced or not, behind what was thought before it; None
    where there is none, or none that can be kept (nested too deeply, half a character, a number of
    more than 64 bits)."""
    _, text = apart(text)
    try:
        return _kept(orjson.loads(text))
    except orjson.JSONDecodeError:
        pass
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            return _kept(decoder.raw_decode(text, at)[0])
        except (json.JSONDecodeError, RecursionError):
            at = text.find("{", at + 1)
    return None


def loose_json(text: str) -> dict[str, Any] | None:
    """The one object that a text nearly is, where it breaks JSON's form: single quotes, a comma
    too many, names without quotes, comments, a brace that is missing; None where there is none, or
    several. Read by the package json-repair."""
    at = text.find("{")
    if at < 0 or len(text) > MOST or text.count("{") + text.count("[") > MOST_OPEN:
        return None
    try:
        value = _kept(repair_json(text[at:], return_objects=True, skip_json_loads=True))
    except (RecursionError, ValueError):
        return None
    return value if isinstance(value, dict) and value else None


def _kept(value: Any) -> Any | None:
    """The value as it comes back from the store; None where it cannot be written there."""
    try:
        return orjson.loads(orjson.dumps(value))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return None


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Draft202012Validator:
    data = orjson.loads(schema)
    try:
        Draft202012Validator.check_schema(data)
    except SchemaError as error:
        raise _bad_schema(f"{error.json_path}: {error.message[:120]}") from None
    return Draft202012Validator(data)


def _bad_schema(problem: str) -> InputError:
    return InputError(
        f"the schema of the task's output cannot be used: {problem}",
        where="task.yaml, output.schema",
        valid="a JSON Schema (draft 2020-12)",
    )


def schema_problem(value: Any, schema: dict[str, Any]) -> str:
    """The first way in which a value breaks a schema; empty where it does not."""
    validator = _validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
    try:
        for error in validator.iter_errors(value):
            return f"breaks the schema at {error.json_path}: {error.message[:120]}"
    except Unresolvable as missing:
        raise _bad_schema(f"there is no {missing.ref!r}") from None
    return ""


# --- labels ---------------------------------------------------------------------------------------


def as_label(text: str, labels: Sequence[str]) -> str | None:
    """The label a text names: equal after folding case and marks, or the only one that stands in
    it as whole words. A label that stands only within a longer one, such as `red` in `dark red`,
    is not named by it; labels that differ in marks alone, such as C and C#, are told apart by
    them. None where none is named, or several are."""
    typed = {label.casefold(): label for label in labels}
    if (exactly := unmarked(text).casefold()) in typed:
        return typed[exactly]
    folds = Counter(map(fold, labels))
    by_fold = {name: label for label in labels if folds[name := fold(label)] == 1 and name}
    said = fold(text)
    if said in by_fold:
        return by_fold[said]
    spans = {
        name: [m.span() for m in re.finditer(rf"\b{re.escape(name)}\b", said)] for name in by_fold
    }
    taken = [span for found in spans.values() for span in found]
    named = [
        name
        for name, found in spans.items()
        if any(not any(_within(span, other) for other in taken) for span in found)
    ]
    return by_fold[named[0]] if len(named) == 1 else None


def unmarked(text: str) -> str:
    """A label as it is typed, without the marks around it that belong to none."""
    return text.strip(" \t\n\"'`*.")


def _within(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def fold(text: str) -> str:
    """The words of a text in small letters, one space between."""
    return " ".join(re.findall(r"\w+", text.lower().replace("_", " ")))
