"""A tuned embedding model for a task: pairs from `train`, an adapter on the frozen model.

Pairs are a question of `train` and the passages that hold its evidence; where there are fewer than
LEAST, the chat model is asked for questions to passages drawn at random from the documents (Wang
et al., 2022, "GPL: Generative Pseudo Labeling for Unsupervised Domain Adaptation of Dense
Retrieval"). Documents are knowledge and may be read: what is drawn is not looked at for being
evidence of `dev` or `test`, and no question of those is ever read here.

What is held out is ranked over the passages that the base finds for any of the questions, DEPTH
deep: all that a model near the base could mistake for the right one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from headway.core.errors import ModelError
from headway.core.protocols import Knowledge, Search
from headway.core.record import ChatRequest, Message, Passage
from headway.core.task import Evidence, digest, fraction
from headway.engine.lender import Desk
from headway.models.adapted import PREFIX, Adapter, file_of
from headway.training.adapter import TOP, How, Pairs, Trained, train

VERSION = 1  # raise it when the same pairs would give another adapter
LEAST = 30  # pairs below which nothing can be learnt or shown
MOST = 1000  # pairs; more take minutes and hardly help so small an adapter
ASKED = 60  # calls for questions to passages
HARD = 8  # passages of the base's first that do not hold the evidence: what to tell apart
DEPTH = 20  # of the base's first that held-out questions are ranked among
POOL = 4000  # passages embedded at most
WORDS = re.compile(r"\w+")
WRITE = (
    "Write one question that a reader of the passage below could answer from it, as somebody"
    " would ask it who has never seen the passage: in everyday words, not in its words. Reply with"
    " the question alone.\n\nPassage:\n{passage}"
)


@dataclass(frozen=True)
class Pair:
    """A question and spans (document, start, end) that answer it; `passages` hold them."""

    question: str
    group: str
    spans: tuple[tuple[str, int, int], ...]
    passages: tuple[Passage, ...]

    def answered_by(self, passage: Passage) -> bool:
        """Whether a passage holds one of the spans; of a whole document, any part of it does."""
        return any(
            passage.covers(*span) or (passage.document == span[0] and _within(passage, span))
            for span in self.spans
        )


def _within(passage: Passage, span: tuple[str, int, int]) -> bool:
    return span[1] <= passage.start and passage.end <= span[2]


async def tune_embedder(
    desk: Desk, base: str, how: Search, say: Callable[[str], None] | None = None
) -> str | None:
    """Train on question-passage pairs of `train`, keep the adapter in the task folder, and give
    its model's name; None where there are too few pairs, or held-out questions gain nothing.

    how: how passages are cut. say: who is told how it went; the notices, if not given.
    Raises BudgetEnded, and InputError without knowledge.
    """
    say = say or desk.parts.notices.add
    cut = replace(
        how, by="dense", embed=base, k=DEPTH, around=0, diversity=0.0, where=(), as_passage=False
    )
    pairs = _given(desk, cut)
    given = len(pairs)
    if len(pairs) < LEAST:
        pairs += await _asked(desk, cut, pairs, say)
    if len(pairs) < LEAST:
        say(
            f"tuned embedder: {len(pairs)} pairs of a question and a passage that answers it,"
            f" {LEAST} are needed; more examples with evidence in train would give them"
        )
        return None
    pairs = sorted(pairs, key=lambda pair: fraction(f"tune:{pair.question}"))[:MOST]
    identity = (await desk.parts.embedding(base)).identity
    settings = How()
    data = digest(
        [VERSION, identity, desk.parts.knowledge().fingerprint, asdict(cut), asdict(settings),
         [(pair.question, pair.group, pair.spans) for pair in pairs]]
    )  # fmt: skip
    name = f"{PREFIX}{desk.task.slug}-{data[:8]}"
    file = file_of(name, desk.task.folder)
    if file.is_file():
        Adapter.load(file)  # a damaged one is told of here
        return name
    trained = await asyncio.to_thread(train, await _vectors(desk, base, cut, pairs), settings)
    made = f", {len(pairs) - given} of them written by a model" if len(pairs) > given else ""
    say(_told(trained, made))
    if trained.matrices is None:
        return None
    lineage = {
        "data": data, "base_identity": identity, "settings": asdict(settings),
        "search": asdict(cut), "pairs": len(pairs), "written": len(pairs) - given,
        "held_out": asdict(trained.held),
    }  # fmt: skip
    await asyncio.to_thread(Adapter(base, *trained.matrices, lineage).save, file)
    return name


def _told(trained: Trained, made: str) -> str:
    held = trained.held
    change = (
        f"held-out recall@{TOP} {held.recall_before:.2f} -> {held.recall_after:.2f},"
        f" reciprocal rank {held.rank_before:.2f} -> {held.rank_after:.2f}"
    )
    text = f"tuned embedder: {change} on {held.n} pairs{made}"
    return text if trained.matrices else f"{text}: not proven to help, so not used"


# --- pairs ----------------------------------------------------------------------------------------


def _given(desk: Desk, how: Search) -> list[Pair]:
    """The pairs of `train`."""
    knowledge = desk.parts.knowledge()
    found = []
    for example in desk.task.split("train"):
        pair = _pair(knowledge, example.question, example.cluster, example.evidence, how)
        if pair is not None:
            found.append(pair)
    return found


def _pair(
    knowledge: Knowledge, question: str, group: str, evidence: Sequence[Evidence], how: Search
) -> Pair | None:
    """None for an empty question, or evidence that cannot be located."""
    located = [(e, span) for e in evidence if e.document and (span := knowledge.locate(e))]
    if not question.strip() or not located:
        return None
    spans = tuple(span for _, span in located)
    # A whole document is no passage: the search's own passages of it are taken.
    exact = [e for e, _ in located if e.text and e.text.strip()]
    return Pair(question, group, spans, knowledge.passages_of(exact, how) if exact else ())


async def _asked(
    desk: Desk, how: Search, known: Sequence[Pair], say: Callable[[str], None]
) -> list[Pair]:
    """Pairs that a model writes, one a passage, in a fixed random order of places; as many as are
    missing to twice LEAST, in at most ASKED calls."""
    models = desk.task.spec.models
    knowledge = desk.parts.knowledge()
    found: list[Pair] = []
    calls = 0
    seen: set[tuple[str, int]] = set()
    for place in range(4 * ASKED):
        if calls >= ASKED or len(known) + len(found) >= 2 * LEAST:
            break
        passage = _drawn(knowledge, how, place)
        if passage is None or (passage.document, passage.start) in seen:
            continue
        seen.add((passage.document, passage.start))
        calls += 1
        asked = WRITE.format(passage=_searched(passage, how))
        request = ChatRequest((Message("user", asked),), max_tokens=80)
        try:
            reply = await desk.chat(request, models.proposer or models.chat)
        except ModelError as error:
            say(f"tuned embedder: no more questions were written ({error.what})")
            break
        question = question_of(reply.text, passage.text)
        if question is not None and reply.finish == "stop":
            span = (passage.document, passage.start, passage.end)
            # By document, as all of a document's questions may have one and the same answer.
            found.append(Pair(question, f"document:{passage.document}", (span,), (passage,)))
    return found


def _drawn(knowledge: Knowledge, how: Search, place: int) -> Passage | None:
    """The passage at a random place of a random document."""
    names = sorted(knowledge.names)
    name = names[int(fraction(f"draw:{place}") * len(names))] if names else ""
    text = knowledge.document(name) or ""
    words = list(WORDS.finditer(text))
    if len(words) < 8:
        return None
    word = words[int(fraction(f"place:{place}") * len(words))]
    evidence = Evidence(document=name, text=word.group(), start=word.start())
    found = knowledge.passages_of((evidence,), how)
    return found[0] if found and len(WORDS.findall(found[0].text)) >= 8 else None


def question_of(reply: str, passage: str) -> str | None:
    """The question in a model's reply; None where there is none, or it is the passage's own
    words, which would teach nothing."""
    own = " ".join(passage.split()).casefold()
    for line in reply.splitlines():
        text = re.sub(r"^(?:\W*question\W*:)?[\W\d]*", "", line.strip(), flags=re.IGNORECASE)
        text = text.strip().strip("\"'“”*` ")
        if text.endswith(("?", "？", "؟")) and 8 <= len(text) <= 300:
            return None if " ".join(text.split()).casefold() in own else text
    return None


# --- vectors --------------------------------------------------------------------------------------


async def _vectors(desk: Desk, base: str, how: Search, pairs: Sequence[Pair]) -> Pairs:
    """Vectors of the questions, and of the passages that answer them or are found for them."""
    ranked = [await desk.search(pair.question, how) for pair in pairs]
    rows: dict[tuple[str, int, int], int] = {}
    pool: list[Passage] = []

    def row(passage: Passage) -> int:
        key = (passage.document, passage.start, passage.end)
        if key not in rows:
            rows[key] = len(pool)
            pool.append(passage)
        return rows[key]

    right, hard = [], []
    for pair, found in zip(pairs, ranked, strict=True):
        answering = [p for p in found if pair.answered_by(p)]
        first = pair.passages or answering or await _whole(desk, how, pair)
        right.append(sorted({row(p) for p in (*first, *answering)}))
    for depth in range(DEPTH):
        for found in ranked:
            if depth < len(found) and len(pool) < POOL:
                row(found[depth])
    of: dict[str, list[int]] = {}
    for n, passage in enumerate(pool):
        of.setdefault(passage.document, []).append(n)
    for pair, found, own in zip(pairs, ranked, right, strict=True):
        # Whatever else holds the span is right too, though found for another question.
        near = {n for name, _, _ in pair.spans for n in of.get(name, ())}
        own[:] = sorted({*own, *(n for n in near if pair.answered_by(pool[n]))})
        wrong = [rows.get((p.document, p.start, p.end)) for p in found]
        hard.append([n for n in wrong if n is not None and n not in own][:HARD])
    texts = [_searched(passage, how) for passage in pool]
    return Pairs(
        queries=await desk.embed(base, [pair.question for pair in pairs], "query"),
        passages=await desk.embed_index(base, texts, "passage"),
        right=right,
        hard=hard,
        groups=[pair.group for pair in pairs],
    )


async def _whole(desk: Desk, how: Search, pair: Pair) -> tuple[Passage, ...]:
    """The beginning of the documents that answer, where search finds nothing of them."""
    knowledge = desk.parts.knowledge()
    found: list[Passage] = []
    for name, start, end in pair.spans:
        text = (knowledge.document(name) or "")[start:end]
        words = WORDS.search(text)
        at = Evidence(
            document=name, text=words.group() if words else None,
            start=start + words.start() if words else None,
        )  # fmt: skip
        found += knowledge.passages_of((at,), how)
    return tuple(found)


def _searched(passage: Passage, how: Search) -> str:
    """A passage as it is indexed, nearly: below its title, and its headings where those are."""
    if how.line == "none":
        return passage.text
    above = [passage.title, passage.section if how.line == "headings" else ""]
    return "\n".join([*(part for part in above if part and part not in passage.text), passage.text])
