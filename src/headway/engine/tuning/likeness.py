"""Whether outputs are like the wanted ones, and whether the data itself shows what is wanted.

The lesson of a company that tuned a model on 140,000 of its chat messages to have blog posts
written: asked for 500 words it said "okay" (method notes, OpenAI DevDay 2023, "A Survey of
Techniques for Maximizing LLM Performance"). The training had worked; the data did not show the
wanted behaviour. So what the task asks for in so many words is held against the samples before a
training, and the first outputs against wanted ones, feature by feature, before a larger one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import mean, median
from typing import Literal

from headway.core.findings import CheckItem
from headway.core.sentences import sentence_spans
from headway.core.task import Task
from headway.core.training import Sample
from headway.engine import statistics as stats
from headway.engine.check_look import SHOWN, Level, item
from headway.metrics.text import f1, is_abstention
from headway.steps.reading import first_json, split_answer

# --- what a text is like --------------------------------------------------------------------------

_LIST = re.compile(r"^\s*(?:[-+*•]|\d{1,3}[.)])\s+\S", re.M)
_HEADING = re.compile(r"^\s*(?:#{1,6}\s+\S|\*\*[^*\n]+\*\*\s*$)", re.M)
_END = re.compile(r"[.!?…。！？][\"'”’)\]*_`]*\s*$")
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|we|us|our|ours)\b", re.I)
_SHORTENED = re.compile(r"\b\w+(?:n't|'(?:s|re|ve|ll|d|m))\b", re.I)
_EMOJI = re.compile(
    "[\U0001f300-\U0001faff\U00002600-\U000027bf\U0001f1e6-\U0001f1ff]|[:;]-?[()DPp](?!\\w)"
)
_GREETING = re.compile(r"(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|thanks?)\b", re.I)
_OPENINGS = {"i", "we", "you", "the", "a", "an", "this", "it", "there"}


def words_in(text: str) -> int:
    """Words, parted by white space."""
    return len(text.split())


def _sentences(text: str) -> list[str]:
    return [text[a:b] for a, b in sentence_spans(text)]


def _words_a_sentence(text: str) -> float:
    found = _sentences(text)
    return words_in(text) / len(found) if found else 0.0


def _asking(text: str) -> float:
    found = _sentences(text)
    return sum(s.rstrip("\"'”’) ").endswith("?") for s in found) / len(found) if found else 0.0


def _yes(pattern: re.Pattern[str]) -> Callable[[str], float]:
    return lambda text: float(pattern.search(text) is not None)


def opening(text: str) -> str:
    """What a text begins with: `json`, `list`, `heading`, `greeting`, `number`, a frequent first
    word, `other`, or `nothing`."""
    start = text.strip()
    if not start:
        return "nothing"
    for name, begins in (
        ("json", start[0] in "{["), ("list", bool(_LIST.match(start))),
        ("heading", bool(_HEADING.match(start))), ("greeting", bool(_GREETING.match(start))),
        ("number", start[0].isdigit()),
    ):  # fmt: skip
        if begins:
            return name
    first = re.match(r"\w+", start)
    word = first[0].lower() if first else ""
    return word if word in _OPENINGS else "other"


# name: (value of one text, summary of many); compared on a log scale where the unit is words.
_SIZES = ("words", "sentence words", "lines")
FEATURES: dict[str, Callable[[str], float]] = {
    "words": words_in,
    "sentence words": _words_a_sentence,
    "lines": lambda text: float(len([1 for line in text.splitlines() if line.strip()])),
    "JSON": lambda text: float(first_json(text) is not None),
    "lists": _yes(_LIST),
    "headings": _yes(_HEADING),
    "end of sentence": _yes(_END),
    "questions": _asking,
    "exclamations": lambda text: float("!" in text),
    "first person": _yes(_FIRST_PERSON),
    "contractions": lambda text: float(bool(_SHORTENED.search(text.replace("’", "'")))),
    "emoji": _yes(_EMOJI),
}
"""By name, what is measured of a text. Sizes are summed up by their median, the others are shares
of texts (`questions`: of sentences) by their mean."""

OVERLAP, OPENING = "overlap", "opening"

Moved = Literal["towards", "away", "not_proven", "same"]


@dataclass(frozen=True)
class Feature:
    """One feature of wanted, base's and tuned texts.

    moved: the tuned text's distance to the wanted one, paired with the base's: proven nearer or
    farther at the 5% level, not proven, or the same in every text.
    """

    name: str
    wanted: float
    base: float
    tuned: float
    moved: Moved


@dataclass(frozen=True)
class Likeness:
    """How outputs compare with the wanted ones, and the base's outputs beside them. stops: why a
    larger training should wait; empty where nothing speaks against it.

    overlap: token F1 with the wanted text, so that wanted is 1. opening: share of texts that begin
    as the wanted one does.
    """

    features: tuple[Feature, ...]
    stops: str = ""


def likeness(
    wanted: Sequence[str], base: Sequence[str], tuned: Sequence[str],
    groups: Sequence[str] | None = None,
) -> Likeness:  # fmt: skip
    """Compare what a tuned model said, and what its base said, with the wanted texts of the same
    inputs. It `stops` where the tuned model is proven to share fewer words with them than its base.

    The test is of paired distances (statistics/pairs.py): with fewer than 6 groups nothing is
    proven. Fourteen features are tested, each at 5%: one of them moving by chance is no surprise.
    Raises ValueError where the numbers of texts differ.
    """
    sides = {"wanted": wanted, "base": base, "tuned": tuned}
    if len({len(texts) for texts in sides.values()}) > 1:
        raise ValueError(f"different numbers of texts: { ({k: len(v) for k, v in sides.items()}) }")
    if not wanted:
        return Likeness(())
    features = [_feature(name, of, sides, groups) for name, of in FEATURES.items()]
    begun = {side: [opening(text) for text in texts] for side, texts in sides.items()}
    pairs: tuple[tuple[str, Callable[[str, int], float]], ...] = (
        (OPENING, lambda side, i: float(begun[side][i] == begun["wanted"][i])),
        (OVERLAP, lambda side, i: f1(sides[side][i], wanted[i])),
    )
    for name, of_pair in pairs:
        near = {side: [of_pair(side, i) for i in range(len(wanted))] for side in sides}
        far = {side: [1.0 - value for value in values] for side, values in near.items()}
        means = {side: round(mean(values), 4) for side, values in near.items()}
        features.append(Feature(name=name, moved=_moved(far, groups), **means))
    return Likeness(tuple(features), _stops(features))


def _stops(features: Sequence[Feature]) -> str:
    overlap = next(f for f in features if f.name == OVERLAP)
    if overlap.moved != "away":
        return ""
    return (
        "answers are less like the wanted ones than before training: they share"
        f" {overlap.tuned:.2f} of their words (token F1) instead of {overlap.base:.2f}"
    )


def _feature(
    name: str, of: Callable[[str], float], sides: Mapping[str, Sequence[str]],
    groups: Sequence[str] | None,
) -> Feature:  # fmt: skip
    size = name in _SIZES
    values = {side: [float(of(text)) for text in texts] for side, texts in sides.items()}
    scaled = {s: [log(1.0 + v) for v in vs] if size else vs for s, vs in values.items()}
    far = {
        side: [abs(a - b) for a, b in zip(own, scaled["wanted"], strict=True)]
        for side, own in scaled.items()
    }
    middle = median if size else mean
    means = {side: round(float(middle(vs)), 4) for side, vs in values.items()}
    return Feature(name=name, moved=_moved(far, groups), **means)


def _moved(far: Mapping[str, Sequence[float]], groups: Sequence[str] | None) -> Moved:
    """From distances to the wanted text, by whose texts."""
    if list(far["base"]) == list(far["tuned"]):
        return "same"
    moved: dict[str, Moved] = {"better": "towards", "worse": "away"}
    found = stats.verdict(stats.paired(far["tuned"], far["base"], groups))
    return moved.get(found, "not_proven")


# --- what is asked for ----------------------------------------------------------------------------

_SPELLED = {
    "one": 1, "a single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_N = r"(\d[\d,]*|" + "|".join(_SPELLED) + ")"
_UNIT = r"(?:[\s-](?:short|plain|full|complete|simple))?[\s-](word|sentence|paragraph)s?\b"
_BOUND = (
    r"at most|no more than|not more than|up to|under|below|fewer than|less than"
    r"|max(?:imum|\.)?(?: of)?|within|at least|no fewer than|not less than|no less than|more than"
    r"|over|min(?:imum|\.)?(?: of)?|between|about|around|exactly|roughly"
)
_SIZE = re.compile(
    rf"(?<![\w-])(?P<part>(?:first|last|these|those|of|which) )?(?P<bound>{_BOUND})?\s*"
    rf"{_N}(?:\s*(?:-|–|to|or|and)\s*{_N})?{_UNIT}(?P<after> (?:or|and) (?:less|fewer|more))?",
    re.I,
)
_MOST = re.compile(r"at most|no more|not more|up to|under|below|fewer|less|max|within", re.I)
_LEAST = re.compile(r"at least|no fewer|not less|no less|more than|over|min", re.I)
_NO = r"(?P<no>\b(?:no|not|without|never|avoid)\b[^.\n]{0,20})?"
_JSON = re.compile(
    rf"{_NO}(?:\b(?:one|a single|a valid|valid|as|in|only|into a?)\s+JSON\b"
    r"|\b(?:reply|answer|respond|return|output|write|give|produce)\b[^.\n]{0,60}\bJSON\b)",
    re.I,
)
_BULLETS = re.compile(
    rf"{_NO}\b(?:bullet(?:ed)?[ -](?:list|points?)|bullets|numbered list)\b", re.I
)
NEAR, WIDE = 1.34, 2.0  # times a stated size, from which a reply is off, and far off
MISSES = 0.5  # share of replies far from what is asked, from which the data does not show it
TOLD = 0.1  # share of replies off from what is asked, from which it is told


@dataclass(frozen=True)
class Ask:
    """What a prompt asks of the reply, in so many words. unit: `word`, `sentence`, `paragraph`,
    `json` or `list`. least, most: None where there is no such end. exact: it names one size, and
    people mean about so much. said: its own words."""

    unit: str
    said: str
    least: float | None = None
    most: float | None = None
    exact: bool = False

    def met(self, text: str, slack: float) -> bool:
        """Whether a reply keeps to it; sizes within a factor of `slack`."""
        if self.unit == "json":
            return first_json(text) is not None
        if self.unit == "list":
            return len(_LIST.findall(text)) >= 2
        size = _size(text, self.unit)
        few = self.least is not None and size * slack < self.least
        many = self.most is not None and size > self.most * slack + (self.most < 5) * (slack > NEAR)
        return not few and not many


def _size(text: str, unit: str) -> int:
    if unit == "word":
        return words_in(text)
    if unit == "sentence":
        return len(_sentences(text))
    return len([p for p in re.split(r"\n\s*\n", text) if p.strip()])


def asks(text: str) -> tuple[Ask, ...]:
    """What English instructions ask of a reply's length and form; what they say of a part of it
    ("the first 3 words") is none."""
    found = []
    for match in _SIZE.finditer(text):
        if match["part"] and not match["bound"]:
            continue
        found.append(_sized(match))
    for unit, pattern in (("json", _JSON), ("list", _BULLETS)):
        said = next((m for m in pattern.finditer(text) if not m["no"]), None)
        if said is not None:
            found.append(Ask(unit, " ".join(said[0].split())))
    return tuple(dict.fromkeys(found))


def _sized(match: re.Match[str]) -> Ask:
    first, second, unit = match[3], match[4], match[5].lower()
    bound, after = match["bound"] or "", match["after"] or ""
    low = _number(first)
    high = _number(second) if second else low
    low, high = min(low, high), max(low, high)
    said = " ".join(match[0].split())
    if _MOST.search(bound) or "less" in after or "fewer" in after:
        return Ask(unit, said, None, high)
    if _LEAST.search(bound) or "more" in after:
        return Ask(unit, said, low, None)
    return Ask(unit, said, low, high, exact=True)


def _number(text: str) -> float:
    return float(_SPELLED.get(text.lower()) or text.replace(",", ""))


# --- whether the data shows it --------------------------------------------------------------------


def data_lesson(task: Task, samples: Sequence[Sample]) -> tuple[CheckItem, ...]:
    """Where the samples' replies do not show what the task asks for in so many words: in its
    description, its instructions, and in the questions of most of train. An error where more than
    half of the replies are far from it; empty where nothing is asked. Read by
    lists of English words: what is said otherwise is not seen. Abstentions are no replies here."""
    answers = [(s.id, _answer(s.reply)) for s in samples]
    replies = [(id, said) for id, said in answers if not is_abstention(task, said)]
    wanted = _asked_of_task(task)
    if not replies or not wanted:
        return ()
    missed = []
    for unit in dict.fromkeys(ask.unit for ask in wanted):
        # Several sizes of one unit may each be of a part: a reply that keeps to one is taken.
        own = [ask for ask in wanted if ask.unit == unit]
        off = [id for id, reply in replies if not any(a.met(reply, NEAR) for a in own)]
        far = sum(not any(a.met(reply, WIDE) for a in own) for _, reply in replies)
        if len(off) > TOLD * len(replies):
            missed.append((far > MISSES * len(replies), off, unit, own))
    said = ", ".join(f"“{ask.said}”" for ask in wanted)
    if not missed:
        return (item("data_lesson", "ok", f"Replies show what the task asks for: {said}."),)
    stops, off, unit, own = max(missed, key=lambda m: (m[0], len(m[1])))
    said = " or ".join(f"“{ask.said}”" for ask in own)
    text = f"The task asks for {said}, and {len(off) / len(replies):.0%} of the replies are not so"
    if unit in ("word", "sentence", "paragraph"):
        size = median(_size(reply, unit) for _, reply in replies)
        text += f" ({size:g} {unit}{'' if size == 1 else 's'} at the median)"
    text += ". A model learns what the data shows, whatever the prompt says: "
    text += "collect replies of the wanted kind first." if stops else "mend or leave out those."
    level: Level = "error" if stops else "warning"
    return (item("data_lesson", level, text, count=len(off), first=off[:SHOWN]),)


def _asked_of_task(task: Task) -> tuple[Ask, ...]:
    said = [*asks(task.spec.description), *asks(task.instructions)]
    questions = [asks(e.question) for e in task.split("train")]
    for ask in dict.fromkeys(a for found in questions for a in found):
        if 2 * sum(ask in found for found in questions) > len(questions):
            said.append(ask)
    # In a JSON object a size is of a field; a label has the size that it has.
    kinds = {"text": ("json", "list", "word", "sentence", "paragraph"), "json": ("json",)}
    read = kinds.get(task.spec.output.kind, ())
    return tuple(a for a in dict.fromkeys(said) if a.unit in read)


def _answer(reply: str) -> str:
    """What the reply concludes with, where it thinks or quotes first."""
    _, tail, marked = split_answer(reply)
    return tail if marked else reply
