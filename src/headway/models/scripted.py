"""Models that answer from a script: for our tests, yours, and trying a loop without any model.

    scripted/echo             the last line of the last user message
    scripted/extract          the words of the shown passages that best match the question
    scripted/FILE.py:NAME     your function(request: ChatRequest) -> str | ChatReply, plain or
                              async, in a file of the task folder

All are deterministic, make no network call and load no weights. They are not a measure of
anything: a score with a scripted model says that the machinery works, not that an idea does.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import inspect
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import orjson

from headway.core.catalogue import did_you_mean
from headway.core.errors import HeadwayError, InputError, Outage, Rejected
from headway.core.protocols import Vectors
from headway.core.record import ChatReply, ChatRequest
from headway.core.task import digest, fraction

Answer = str | ChatReply | HeadwayError
Function = Callable[[ChatRequest], "Answer | Awaitable[Answer]"]
Fault = Literal["outage", "rejected", "refused", "truncated", "garbage"]

GARBAGE = '}{"answer": <script>alert(1)</script> \x00\ufffd NULL; DROP TABLE examples; --'
WORD = re.compile(r"\w+", re.UNICODE)
TOKEN = re.compile(r"\w+|[^\w\s]", re.UNICODE)


class ScriptedChat:
    """A chat model that answers from a script.

    script: a function of the request, plain or async; or a mapping, whose first key that stands
    in the last user message (case does not matter) gives the answer; or a list, one answer a
    call in the order of calls, the last one from then on (with several calls in flight that
    order is the scheduler's). An answer is a text, a ChatReply, or a HeadwayError to raise.
    default: the answer where no key of a mapping fits.
    delay_s: seconds that each call takes. concurrency: what the model says of itself.
    faults: asked for every call, with the call's number from 1; what it returns happens.
    outage, refuse, truncate, garbage: shares of requests, from 0 to 1. Which ones follows from
    the request's own text, so that a second run fails the same examples in any order of calls.
    usd_per_call: what a call costs in USD; None: the price is not known.

    Tokens are words and marks. A reply longer than max_tokens is cut there and ends by `length`.
    For tests to look at: `calls`, `requests` (in order), `in_flight`, `most_in_flight`, `closed`.
    """

    def __init__(
        self,
        script: Function | Mapping[str, Answer] | Sequence[Answer],
        *,
        name: str = "scripted/test",
        identity: str | None = None,
        default: str = "I do not know.",
        delay_s: float = 0.0,
        concurrency: int = 64,
        faults: Callable[[ChatRequest, int], Fault | None] | None = None,
        outage: float = 0.0,
        refuse: float = 0.0,
        truncate: float = 0.0,
        garbage: float = 0.0,
        usd_per_call: float | None = 0.0,
    ) -> None:
        self.name = name
        self._identity = identity or name
        self._answer = _function(script, default)
        self._concurrency = concurrency
        self.delay_s = delay_s
        self._faults = faults
        self._shares: tuple[tuple[Fault, float], ...] = (
            ("outage", outage),
            ("refused", refuse),
            ("truncated", truncate),
            ("garbage", garbage),
        )
        self._any_share = any(share > 0 for _, share in self._shares)
        self._usd = usd_per_call
        self.calls = 0
        self.requests: list[ChatRequest] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    def __repr__(self) -> str:
        return f"ScriptedChat({self.name!r})"

    @property
    def identity(self) -> str:
        """Name of the script, with a hash of its file where it stands in one."""
        return self._identity

    @property
    def concurrency(self) -> int:
        """Calls worth having in flight, as given."""
        return self._concurrency

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Answer from the script. Raises Outage or Rejected where the script says so."""
        self.calls += 1
        number = self.calls
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        started = time.perf_counter()
        try:
            # Sleeping even 0 s lets other calls start, as a call over a network would.
            await asyncio.sleep(self.delay_s)
            fault = self._fault(request, number)
            if fault == "outage":
                raise Outage(f"{self.name} did not answer (scripted outage)")
            if fault == "rejected":
                raise Rejected(f"{self.name} rejected the request (scripted)")
            answer = self._answer(request)
            if inspect.isawaitable(answer):
                answer = await answer
            return self._reply(request, answer, fault, time.perf_counter() - started)
        finally:
            self.in_flight -= 1

    def _fault(self, request: ChatRequest, number: int) -> Fault | None:
        if self._faults is not None and (fault := self._faults(request, number)) is not None:
            if fault not in get_args(Fault):
                raise InputError(
                    f"unknown fault {fault!r} in {self.name}", valid=", ".join(get_args(Fault))
                )
            return fault
        if self._any_share:
            key = digest([[m.role, m.content] for m in request.messages] + [request.seed])
            for kind, share in self._shares:
                if fraction(f"{kind}:{key}") < share:
                    return kind
        return None

    def _reply(
        self, request: ChatRequest, answer: Answer, fault: Fault | None, latency_s: float
    ) -> ChatReply:
        if isinstance(answer, HeadwayError):
            raise answer
        if isinstance(answer, ChatReply):
            whole = answer
        elif isinstance(answer, str):
            prompt = sum(_count(m.content) for m in request.messages)
            whole = ChatReply(answer, "stop", prompt, 0, latency_s, self._usd)
        else:
            raise InputError(
                f"{self.name} returned {type(answer).__name__}", valid="a text or a ChatReply"
            )
        if fault == "refused":
            return replace(whole, text="I cannot help with that.", finish="refused")
        text, finish = (GARBAGE if fault == "garbage" else whole.text), whole.finish
        for stop in request.stop:
            text = text.split(stop, 1)[0] if stop else text
        limit = min(
            request.max_tokens, max(1, _count(text) // 2 if fault == "truncated" else 2**31)
        )
        cut = _cut(text, limit)
        if cut is not None or fault == "truncated":
            text, finish = (text if cut is None else cut), "length"
        tokens = whole.completion_tokens or _count(text)
        return replace(whole, text=text, finish=finish, completion_tokens=tokens)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words and marks of each text."""
        return [_count(text) for text in texts]

    async def close(self) -> None:
        """Nothing to free; remembered in `closed`."""
        self.closed = True


def _count(text: str) -> int:
    return len(TOKEN.findall(text))


def _cut(text: str, tokens: int) -> str | None:
    """The first so many tokens of a text; None where it is not longer than that."""
    for number, match in enumerate(TOKEN.finditer(text), start=1):
        if number > tokens:
            return text[: match.start()].rstrip()
    return None


def _function(script: Function | Mapping[str, Answer] | Sequence[Answer], default: str) -> Function:
    if callable(script):
        return script
    if isinstance(script, str):
        raise InputError(
            "a script is a function, a mapping or a list; found one text",
            valid="ScriptedChat(['the answer'])",
        )
    if isinstance(script, Mapping):
        rules = [(key.casefold(), answer) for key, answer in script.items()]

        def by_rule(request: ChatRequest) -> Answer:
            asked = last_user(request).casefold()
            return next((answer for key, answer in rules if key in asked), default)

        return by_rule
    answers = list(script)
    if not answers:
        raise InputError("a list of scripted answers is empty")
    place = iter(range(len(answers)))

    def by_order(_: ChatRequest) -> Answer:
        return answers[next(place, len(answers) - 1)]

    return by_order


def last_user(request: ChatRequest) -> str:
    """Text of the last user message; of the last message where there is none."""
    for message in reversed(request.messages):
        if message.role == "user":
            return message.content
    return request.messages[-1].content if request.messages else ""


# --- by name ----------------------------------------------------------------------------------


def scripted_chat(name: str, folder: Path | None = None) -> ScriptedChat:
    """The scripted model of a name such as `scripted/echo` or `scripted/model.py:answer`.

    folder: the task folder that files are sought in. Raises InputError.
    """
    script = name.removeprefix("scripted/")
    if script in BUILTIN:
        return ScriptedChat(BUILTIN[script], name=name, identity=f"scripted/{script} 1")
    file_name, colon, function_name = script.rpartition(":")
    if not colon or not file_name.endswith(".py"):
        raise InputError(
            f"unknown scripted model {name!r}",
            valid=did_you_mean(script, list(BUILTIN)) + ", or scripted/FILE.py:FUNCTION",
        )
    file = (folder or Path()) / file_name
    function, content = _load(file, function_name, name)

    async def answer(request: ChatRequest) -> Answer:
        try:
            found = function(request)
            answered: Answer = await found if inspect.isawaitable(found) else found
            return answered
        except HeadwayError:
            raise
        except Exception as error:
            frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
            line = next((f.lineno for f in reversed(frames) if f.filename == str(file)), None)
            raise InputError(
                f"{function_name}() raised {type(error).__name__}: {error}",
                where=f"{file}:{line}" if line else str(file),
            ) from None

    identity = f"{name} {hashlib.sha256(content).hexdigest()[:16]}"
    return ScriptedChat(answer, name=name, identity=identity)


def _load(file: Path, function_name: str, name: str) -> tuple[Callable[..., Any], bytes]:
    try:
        content = file.read_bytes()
    except OSError:
        raise InputError(
            f"the file of {name!r} cannot be read",
            where=str(file),
            valid="scripted/FILE.py:FUNCTION, FILE.py in the task folder",
        ) from None
    module_name = f"headway_scripted_{hashlib.sha256(str(file).encode() + content).hexdigest()}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None, file  # the suffix .py was checked
    assert spec.loader is not None, file
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except HeadwayError:
        raise
    except Exception as error:
        raise InputError(
            f"importing it raised {type(error).__name__}: {error}", where=str(file)
        ) from None
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [n for n, v in vars(module).items() if inspect.isfunction(v) and n[0] != "_"]
        raise InputError(
            f"there is no function {function_name!r}",
            where=str(file),
            valid=did_you_mean(function_name, known) or "a function(request) -> str",
        )
    return function, content


# --- scripted/echo and scripted/extract -------------------------------------------------------


def echo(request: ChatRequest) -> str:
    """The last line that is not empty of the last user message."""
    lines = [line.strip() for line in last_user(request).splitlines() if line.strip()]
    return lines[-1] if lines else ""


STOP_WORDS = frozenset(
    WORD.findall(
        """
        a an and any are as at be been but by can could did do does for from had has have he her
        his how i if in into is it its many may me much must my no not of on one or our shall she
        should so than that the their them then there these they this those to under up us was we
        were what when where which who whom whose why will with would you your
        """
    )
)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")
QUESTION = re.compile(r"^\W*(?:question|query|q)\W*:\s*(.*)$", re.IGNORECASE | re.MULTILINE)
# Where the passages begin: a number in brackets, as Headway lays them out, or a heading.
PASSAGES = re.compile(
    r"^\[1\][^\n]*\n|^[^\w\n]*(?:passages?|context|documents?|sources?|excerpts?)\b[^\n:>]{0,80}[:>]",
    re.IGNORECASE | re.MULTILINE,
)
ANSWER_LINE = "starts with 'Answer:'"
SCHEMA = re.compile(r"follows this schema: (\{[^\n]*\})")
SHORT = re.compile(
    r"\b(?:short|brief|concise|few words|only the answer|nothing else|exact words|a phrase)",
    re.IGNORECASE,
)
ABSTAIN = re.compile(
    r"\b(?:say|answer|reply|write|respond)\b[^\n\"'“‘`]{0,60}[\"'“‘`]"
    r"([^\"“”`:\n]{3,60}?)[\"'”’`](?=\W|$)",
    re.IGNORECASE,
)
CHOICES = re.compile(r"\b(?:one of|labels?)\b[^:\n]{0,60}:\s*([^\n]+)", re.IGNORECASE)


def extract(request: ChatRequest) -> str:
    """A tiny extractive answerer.

    It takes the sentence of the prompt that shares the rarest words with the question. Asked to
    be short it gives only the words of that sentence that the question does not hold already;
    told to say a phrase when it cannot answer, it says it where no sentence fits. So better
    passages, a better order and a better prompt raise its score, which is all it is for.
    """
    user = last_user(request)
    question, before = _question(user)
    system = "\n".join(m.content for m in request.messages if m.role == "system")
    prompt = f"{system}\n{before}"
    announced = PASSAGES.search(before) or PASSAGES.search(system)
    shown = announced.string[announced.end() :] if announced else before
    wanted = _stems(question)
    sentence, share = _best_sentence(shown, wanted)
    told = SCHEMA.search(prompt)
    if request.json_schema is not None or told is not None:
        schema = request.json_schema or _json(told[1] if told else "")
        return orjson.dumps(_fill(schema, sentence, question, wanted)).decode()
    answer = _worded(prompt, question, sentence, share, wanted)
    if ANSWER_LINE in prompt:
        return f"The text says: {sentence or 'nothing'}\nAnswer: {answer}"
    return answer


def _worded(prompt: str, question: str, sentence: str, share: float, wanted: set[str]) -> str:
    """The answer as the prompt asks for it: a label, a phrase that says no, few words, or all."""
    if choices := CHOICES.search(prompt):
        labels = [c.strip(" .\"'`*-[]") for c in re.split(r"[,;|]", choices[1])]
        labels = [label for label in labels if label]
        if len(labels) > 1:
            return _closest(labels, question)
    if share < 0.34:
        phrase = ABSTAIN.search(prompt)
        return phrase[1].strip() if phrase else (sentence or "I do not know.")
    return _span(sentence, question, wanted) if SHORT.search(prompt) else sentence


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}


def _question(user: str) -> tuple[str, str]:
    """The question of a user message, and the message without it."""
    found = list(QUESTION.finditer(user))
    if found and found[-1][1].strip():
        last = found[-1]
        return last[1].strip(), user[: last.start()] + user[last.end() :]
    lines = [line for line in user.splitlines() if line.strip()]
    asked = next((line for line in reversed(lines) if line.rstrip().endswith("?")), None)
    asked = asked or (lines[-1] if lines else "")
    if not asked:
        return "", user
    before, _, after = user.rpartition(asked)
    return asked.strip(), before + after


def _stems(text: str) -> set[str]:
    # Five letters are a rough stem: 'employed' and 'employer' meet, and so they should here.
    return {w[:5] for w in WORD.findall(text.casefold()) if w not in STOP_WORDS}


def _best_sentence(shown: str, wanted: set[str]) -> tuple[str, float]:
    """The best sentence, and which share of the question's weight it holds."""
    sentences = [s.strip() for s in SENTENCE.split(shown) if s.strip()]
    stems = [_stems(s) for s in sentences]
    if not sentences or not wanted:
        return "", 0.0
    weight = {w: 1 / (1 + sum(w in s for s in stems)) for w in wanted}
    # Python's max takes the first of equals: earlier passages win, so order matters a little.
    best = max(range(len(sentences)), key=lambda i: sum(weight[w] for w in wanted & stems[i]))
    total = sum(weight.values())
    return sentences[best], sum(weight[w] for w in wanted & stems[best]) / total


def _span(sentence: str, question: str, wanted: set[str]) -> str:
    """The run of words of a sentence that most looks like what the question asks for."""
    runs: list[list[str]] = [[]]
    for word in re.findall(r"[^\s]+", sentence):
        plain = word.strip(".,;:!?()[]\"'“”")
        known = plain.casefold() in STOP_WORDS or plain.casefold()[:5] in wanted
        if plain and not known:
            runs[-1].append(plain)
        if (known or word[-1] in ",;:") and runs[-1]:
            runs.append([])
    asks_number = re.search(r"\b(when|how|year|date|number)\b", question, re.IGNORECASE)
    asks_name = re.search(r"\b(who|whom|whose|where|which|name)\b", question, re.IGNORECASE)

    def fits(run: list[str]) -> tuple[bool, int]:
        number = bool(asks_number) and any(c.isdigit() for w in run for c in w)
        name = bool(asks_name) and any(w[:1].isupper() for w in run)
        return number or name, len(run)

    best = max((run for run in runs if run), key=fits, default=[])
    return " ".join(best) or sentence


def _closest(labels: Sequence[str], text: str) -> str:
    """The label that shares most letter triples with a text; the first of equals."""
    triples = {text.casefold()[i : i + 3] for i in range(len(text))}

    def overlap(label: str) -> float:
        own = {label.casefold()[i : i + 3] for i in range(max(1, len(label) - 2))}
        return len(own & triples) / len(own)

    return max(labels, key=overlap)


def _fill(schema: Any, sentence: str, question: str, wanted: set[str]) -> Any:
    """A smallest value that fits a JSON Schema, with the answer in its texts."""
    schema = schema if isinstance(schema, Mapping) else {}
    if schema.get("enum"):
        texts = [str(value) for value in schema["enum"]]
        return schema["enum"][texts.index(_closest(texts, question))]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    digits = re.findall(r"-?\d+(?:\.\d+)?", sentence)
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: _fill(field, sentence, question, wanted) for name, field in fields.items()}
    if kind == "array":
        return [_fill(schema.get("items"), sentence, question, wanted)] if sentence else []
    if kind in ("integer", "number"):
        number = float(digits[0]) if digits else 0.0
        return int(number) if kind == "integer" else number
    if kind == "boolean":
        return bool(sentence)
    return None if kind == "null" else _span(sentence, question, wanted)


BUILTIN: Mapping[str, Function] = {"echo": echo, "extract": extract}


# --- embedding and re-ranking -----------------------------------------------------------------


class ScriptedEmbedding:
    """Hashed bag of words: texts that share words are near. No weights, stable everywhere.

    A text without words becomes the first axis, since a row must have norm 1.
    """

    def __init__(self, dimension: int = 256, *, name: str = "scripted/words") -> None:
        self.name = name
        self.dimension = dimension
        self.calls = 0

    @property
    def identity(self) -> str:
        """Name and dimension."""
        return f"{self.name} {self.dimension} 1"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, one a text. `kind` makes no difference here."""
        self.calls += 1
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for stem in sorted(_stems(text)):
                # crc32, not hash(): Python salts the latter anew in every process.
                code = zlib.crc32(stem.encode())
                vectors[row, code % self.dimension] += 1.0 if code & 0x10000 else -1.0
            norm = float(np.linalg.norm(vectors[row]))
            if norm == 0:
                vectors[row, 0] = norm = 1.0
            vectors[row] /= norm
        return vectors

    async def close(self) -> None:
        """Nothing to free."""


class ScriptedRerank:
    """Scores a text by the share of the query's words that it holds: from 0 to 1."""

    def __init__(self, *, name: str = "scripted/overlap") -> None:
        self.name = name
        self.calls = 0

    @property
    def identity(self) -> str:
        """Its name and version."""
        return f"{self.name} 1"

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score a text, in order."""
        self.calls += 1
        wanted = _stems(query)
        return [len(wanted & _stems(text)) / max(1, len(wanted)) for text in texts]

    async def close(self) -> None:
        """Nothing to free."""
