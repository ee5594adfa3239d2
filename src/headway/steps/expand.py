"""Search for several queries instead of one: other wordings of the question, or its parts.

Wordings: RAG-fusion (Rackauckas, 2024), many queries merged by reciprocal rank. Parts:
decomposition (Press et al., 2022, "Measuring and Narrowing the Compositionality Gap in Language
Models"; Zhou et al., 2022, "Least-to-Most Prompting Enables Complex Reasoning in Large Language
Models"). Both only ask for queries; `retrieve` searches for them at once and merges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field

from headway.core.protocols import Lender, Query, State
from headway.core.record import ChatRequest, Message
from headway.core.task import Frozen
from headway.steps.reading import refuses

MOST_WORDS = 60  # of one query; what is longer is cut

TEMPLATES = {
    "wordings": (
        "Write {queries} search queries that mean the same as the question, each in other words."
        " Keep all names, numbers and years. One a line, nothing else."
    ),
    "parts": (
        "List the single facts to look up, each as a short question, at most {queries}. A"
        " comparison needs one for each side. Repeat all names, numbers and years."
    ),
}
# Small models follow what they are shown; the subjects are far from any likely task. Parts are
# numbered: without, or with a word for "has no parts", the embedded 0.5B model splits nothing.
SHOWN: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "wordings": (
        (
            "When can I visit the lighthouse in 1931?",
            (
                "Opening hours of the lighthouse in 1931",
                "At what times is the lighthouse open to visitors in 1931?",
                "Visiting times for guests of the lighthouse, 1931",
            ),
        ),
        (
            "What does a violin string cost?",
            (
                "Price of a violin string",
                "How much do I have to pay for one string of a violin?",
                "How expensive are strings for violins?",
            ),
        ),
    ),
    "parts": (
        ("When can I visit the lighthouse?", ("When can I visit the lighthouse?",)),
        (
            "How much taller is the oak tower than the elm tower?",
            ("How tall is the oak tower?", "How tall is the elm tower?"),
        ),
        (
            "Tin or brass: which melts sooner?",
            ("At what temperature does tin melt?", "At what temperature does brass melt?"),
        ),
        (
            "Who painted the red barn, and when was it sold?",
            ("Who painted the red barn?", "When was the red barn sold?"),
        ),
    ),
}


class Expand(Frozen):
    """One call to the model. The question itself stays the first query.

    template: the instructions, with {queries} for the number; None is our own. Of a question that
    has no parts nothing is added.
    """

    name: ClassVar[str] = "expand"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    queries: int = Field(default=3, ge=1, le=16)
    into: Literal["wordings", "parts"] = "wordings"
    template: str | None = None
    model: str | None = None
    max_tokens: int = Field(default=120, ge=1)

    def request(self, question: str) -> ChatRequest:
        """What is asked of the model."""
        told = (self.template or TEMPLATES[self.into]).replace("{queries}", str(self.queries))
        messages = [Message("system", told)]
        for asked, wanted in SHOWN[self.into]:
            messages.append(Message("user", self._turn(asked)))
            messages.append(Message("assistant", self._list(wanted[: self.queries])))
        messages.append(Message("user", self._turn(question)))
        return ChatRequest(messages=tuple(messages), max_tokens=self.max_tokens)

    def _turn(self, question: str) -> str:
        return f"Question: {question}\nFacts to look up:" if self.into == "parts" else question

    def _list(self, items: Sequence[str]) -> str:
        return "\n".join(
            f"{number}. {item}" if self.into == "parts" else item
            for number, item in enumerate(items, start=1)
        )

    async def run(self, state: State, lend: Lender) -> State:
        """Fill `queries`: the question, those of steps before, those of the model."""
        if not state.query.strip():
            return state
        reply = await lend.chat(self.request(state.query), self.model)
        told: list[str] = []
        if reply.finish != "refused" and not refuses(reply.text):
            parroted = [text for _, texts in SHOWN[self.into] for text in texts]
            told = listed(
                reply.text,
                self.queries,
                without=(state.query, *parroted),
                cut=reply.finish == "length",
            )
        if self.into == "parts" and len(told) < 2:
            told = []  # one part is no part: the question asks for one thing
        question = Query(state.query)
        earlier = (question, *(q for q in state.queries if q != question))
        known = {q.text for q in earlier}
        return replace(
            state,
            queries=(*earlier, *(Query(text) for text in told if text not in known)),
            trace=(*state.trace, {"step": "expand", "into": self.into, "queries": told}),
        )


# --- reading a list that a model wrote --------------------------------------------------------

# A number with a mark behind it, a bullet, or a word such as `Query 2:`; possibly several.
MARKS = re.compile(
    r"^(?:\s|[-*•–—>#+`]|\(?\d{1,2}[.):\]](?!\d)"
    r"|\(?[a-z]\)(?=\s)"
    r"|(?:query|question|sub-?question|search|part|q|a|step|rephras\w+|wording)\s*\d*\s*:)+",
    re.IGNORECASE,
)
CHATTER = re.compile(
    r"^(?:sure|certainly|of course|okay|ok|here (?:are|is)|here's|i hope|let me know"
    r"|i(?:'m| am) sorry|i (?:cannot|can't)|as an ai|(?:answer|note)\s*:)(?!\w)(?!.*\?$)",
    re.IGNORECASE,
)
# Items that stand in one line: `1. one 2. two`.
INLINE = re.compile(r"(?<=\S)\s+(?=\d{1,2}[.)]\s+\S)")
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def listed(text: str, most: int, without: Iterable[str] = (), cut: bool = False) -> list[str]:
    """The items of a list that a model wrote, one a line or as JSON: at most `most`, each once, of
    at most MOST_WORDS words, none that equals one of `without` after folding case and marks.
    Numbers, bullets, quotes and what is said around the list are dropped; cut: the reply was cut
    off, so its last line is dropped too, where there is another."""
    items = _from_json(text)
    if items is None:
        items = [part for line in text.splitlines() for part in INLINE.split(line)]
        items = [line for line in items if not _is_chatter(line)]
        if cut and len(items) > 1:
            items = items[:-1]
    seen = {folded(item) for item in without}
    found: list[str] = []
    for item in items:
        item = cleaned(item)
        key = folded(item)
        if key and key not in seen and len(found) < most:
            seen.add(key)
            found.append(item)
    return found


def _is_chatter(line: str) -> bool:
    bare = UNSEEN.sub(" ", line).strip().strip("*_ ")
    return not bare or bare.startswith("```") or bare.endswith(":") or bool(CHATTER.match(bare))


def _from_json(text: str) -> list[str] | None:
    """The texts of a JSON list, or of the first list in a JSON object; None where there is none."""
    start = min((at for at in (text.find("["), text.find("{")) if at >= 0), default=-1)
    end = max(text.rfind("]"), text.rfind("}"))
    if start < 0 or end < start:
        return None
    try:
        value: Any = orjson.loads(text[start : end + 1])
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, dict):
        value = next((v for v in value.values() if isinstance(v, list)), list(value.values()))
    if not isinstance(value, list):
        return None
    texts = [next(iter(v.values()), None) if isinstance(v, dict) else v for v in value]
    found = [v for v in texts if isinstance(v, str)]
    return found or None


def cleaned(text: str, most: int = MOST_WORDS) -> str:
    """One line of text as a query: without list marks, quotes and unseen characters, and of at
    most so many words."""
    line = " ".join(UNSEEN.sub(" ", text[: 20 * most]).split()[:most])
    before = None
    while line != before:
        before = line
        line = MARKS.sub("", line).strip(" \"'“”‘’«»„*_`,;{}")
    return line


def folded(text: str) -> str:
    """The words of a text without case and marks: what makes two queries the same."""
    return " ".join(re.findall(r"\w+", text.casefold()))
