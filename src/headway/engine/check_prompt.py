"""Checks of the baseline's models and prompt: at hand, short enough, and what is left unsaid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from headway.core.errors import HeadwayError, InputError
from headway.core.findings import CheckItem
from headway.core.record import ChatRequest
from headway.core.task import Example, fraction
from headway.engine.check_answers import at
from headway.engine.check_look import Look, item
from headway.engine.estimate import at_hand, models_of, request_tokens
from headway.techniques.behaviour.instructions import answer_form

SAMPLE, LONG = 300, 50  # prompts composed: at random, and of the longest questions
COUNTED = 24  # prompts whose tokens the model's own tokenizer counts, where it is at hand


# --- models ---------------------------------------------------------------------------------------


async def models(look: Look) -> list[CheckItem]:
    """Whether the baseline's models are known and can be opened."""
    found = []
    for name in models_of(look.pipeline):
        try:
            missing = _missing(look, name)
        except InputError as error:
            # A key can be set later; a name that nobody knows cannot.
            level = "warning" if "not set" in error.what else "error"
            found.append(item("models", level, str(error), model=name))  # type: ignore[arg-type]
            continue
        if missing:
            text = f"{name} is not on this machine: it is fetched once, {missing / 1e6:.0f} MB."
            found.append(item("models", "note", text, model=name, bytes=missing))
        else:
            found.append(item("models", "ok", f"{name} is at hand.", model=name))
    return found


def _missing(look: Look, name: str) -> int:
    """Bytes to be fetched before a model can be used. Raises InputError for a name or a key."""
    provider, _, rest = name.partition("/")
    task = look.task
    if provider in task.spec.endpoints or provider not in ("embedded", "scripted", "tuned"):
        from headway.models import CHAT_MODELS
        from headway.models.service import service

        if provider in task.spec.endpoints or provider not in CHAT_MODELS.names():
            service(name, endpoints=task.spec.endpoints, folder=task.folder)
        return 0
    if provider == "scripted":
        return 0
    if provider == "tuned":
        from headway.models.tuned import base_of

        base = base_of(name, task.folder)
        return _missing(look, base) if base else 0
    from headway.models.pull import status

    if rest.endswith(".gguf"):
        if not (task.folder / Path(rest)).is_file():
            raise InputError(
                f"{name} names a file that is not there", where=str(task.folder / rest)
            )
        return 0
    found = status(name)
    return 0 if found.present else found.size


# --- tokens ---------------------------------------------------------------------------------------


async def tokens(look: Look) -> list[CheckItem]:
    """How long the whole prompt is, as the baseline would send it, against the model's context."""
    if look.pipeline.model is None or not look.task.examples:
        return []
    requests = [r for e in _sample(look) for r in await _requests(look, e)]
    if not requests:
        return []
    factor, how = await _calibrated(look, requests)
    sizes = sorted(factor * request_tokens(r) for r in requests)
    p50, p95, most = at(sizes, 0.5), at(sizes, 0.95), sizes[-1]
    needed = max(factor * request_tokens(r) + r.max_tokens for r in requests)
    context = _context(look.pipeline.model)
    text = (
        f"A prompt has about {p50:.0f} tokens at the median, {p95:.0f} at p95, {most:.0f} at most"
    )
    data = {
        "p50": round(p50), "p95": round(p95), "max": round(most), "with_answer": round(needed),
        "context": context, "prompts": len(requests), "how": how,
    }  # fmt: skip
    if context is None:
        text += f"; the context of {look.pipeline.model} is not known here ({how})."
        return [item("prompt_tokens", "note", text, **data)]
    text += f", and the model reads {context:,} with its answer ({how})."
    if needed > context:
        text += " The longest do not fit: they count as invalid and score 0."
        return [item("prompt_tokens", "warning", text, **data)]
    return [item("prompt_tokens", "ok", text, **data)]


def _sample(look: Look) -> list[Example]:
    examples = look.task.examples
    drawn = sorted(examples, key=lambda e: fraction(f"length:{e.id}"))[:SAMPLE]
    longest = sorted(examples, key=lambda e: -len(look.asked(e)))[:LONG]
    return list({e.id: e for e in (*drawn, *longest)}.values())


async def _requests(look: Look, example: Example) -> list[ChatRequest]:
    return (await look.estimator.costs.rehearsal.requests(look.pipeline, example))[0]


async def _calibrated(look: Look, requests: list[ChatRequest]) -> tuple[float, str]:
    """True tokens for one estimated, by the model's own tokenizer where it is on this machine."""
    name = look.pipeline.model or ""
    how = "estimated from characters"
    if not name.startswith(("embedded/", "scripted/")) or not at_hand(name):
        return 1.0, how
    some = requests[:: max(1, len(requests) // COUNTED)][:COUNTED]
    try:
        model = await look.parts.chat(name)
        true = await model.count_tokens([m.content for r in some for m in r.messages])
    except HeadwayError:
        return 1.0, how
    guessed = sum(request_tokens(r) for r in some)
    how = f"from characters, at the rate that its own tokenizer gives on {len(some)} prompts"
    return (sum(true) / guessed, how) if sum(true) and guessed else (1.0, how)


def _context(model: str) -> int | None:
    """Tokens that one call may use; None where we do not know."""
    if not model.startswith("embedded/"):
        return None
    from headway.models.catalogue import entry_of
    from headway.models.embedded import CONTEXT

    try:
        return min(CONTEXT, entry_of(model, "chat").context)
    except InputError:
        return CONTEXT


# --- what the prompt says -------------------------------------------------------------------------

# A prompt of which none of these is a word is not English, and the lists below cannot read it.
ENGLISH = re.compile(r"\b(the|a|an|of|to|is|are|and|with|you|your|in|if|this|question)\b", re.I)
SHOWN_PASSAGES = (
    "passage", "passages", "context", "document", "documents", "excerpt", "excerpts", "extract",
    "source", "sources", "snippet", "snippets", "text below", "reference text", "are shown",
    "are given", "provided", "{{passages}}",
)  # fmt: skip
SHOWN_INPUT = (
    "question", "message", "text", "input", "review", "ticket", "e-mail", "email", "request",
    "document", "article", "below", "following", "are shown", "are given", "user's", "customer's",
)  # fmt: skip
TASK = (
    "answer", "classify", "extract", "translate", "summarise", "summarize", "write", "label",
    "decide", "find", "reply", "respond", "assign", "choose", "pick", "convert", "rewrite",
    "identify", "list", "return", "give", "explain", "correct", "tag", "rate", "compute",
)  # fmt: skip
STEPS = (
    "step", "steps", "first", "then", "before you answer", "before answering", "finally",
)  # fmt: skip
NUMBERED = re.compile(r"^\s*(?:\d+[.)]|[-*])\s+\S", re.M)
FORM = (
    "word", "words", "sentence", "sentences", "paragraph", "short", "shortest", "brief", "briefly",
    "concise", "concisely", "only", "nothing else", "no explanation", "format", "phrase", "bullet",
    "one of", "exactly", "word for word", "characters", "json",
)  # fmt: skip
UNSURE = (
    "if you do not know", "if you don't know", "do not know", "don't know", "not sure", "unsure",
    "cannot answer", "can't answer", "cannot be answered", "not in the", "do not say", "don't say",
    "does not say", "doesn't say", "not mentioned", "not found", "not contain", "no answer",
    "if none", "if nothing", "unknown", "unclear", "ask for", "not enough",
)  # fmt: skip


def has(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether one of the phrases stands in a text as whole words."""
    folded = " ".join(text.lower().replace("’", "'").split())
    return any(re.search(rf"(?<!\w){re.escape(p)}(?!\w)", folded) for p in phrases)


def says(look: Look) -> Iterator[CheckItem]:
    """What the prompt leaves unsaid, by lists of words: a hint for a person, not a judgement."""
    step = look.pipeline.step("generate")
    if step is None:
        return
    prompt = str(step.settings.get("template", ""))
    if prompt.strip() and not ENGLISH.search(prompt):
        text = "The prompt is not in English: what it says is not checked, our words are English."
        yield item("prompt_says", "note", text)
        return
    for name, (said, about, add) in FACETS.items():
        if said(look, prompt):
            yield item(f"prompt_says_{name}", "ok", f"The prompt says {about}.")
        else:
            sentence = add(look)
            text = (
                f"The prompt does not seem to say {about}. One could add: “{sentence}” The"
                " technique `instructions` does this."
            )
            yield item(f"prompt_says_{name}", "note", text, add=sentence, technique="instructions")


def _shows(look: Look) -> bool:
    return look.pipeline.step("retrieve") is not None


def _says_shown(look: Look, prompt: str) -> bool:
    return has(prompt, SHOWN_PASSAGES if _shows(look) else SHOWN_INPUT)


def _says_steps(look: Look, prompt: str) -> bool:
    step = look.pipeline.step("generate")
    thinks = step is not None and step.settings.get("reasoning") in ("brief", "steps")
    return thinks or has(prompt, STEPS) or len(NUMBERED.findall(prompt)) >= 2


def _says_form(look: Look, prompt: str) -> bool:
    output, step = look.task.spec.output, look.pipeline.step("generate")
    if step is not None and step.settings.get("contract") == "json":
        return True  # the step itself adds the schema
    squeezed = prompt.replace(" ", "")
    if output.kind == "label":
        return "{{labels}}" in squeezed or all(has(prompt, (n.lower(),)) for n in output.labels)
    if output.kind == "json":
        return "{{schema}}" in squeezed or has(prompt, ("json",))
    if output.kind == "sql":
        return has(prompt, ("sql", "query", "sqlite", "postgres", "postgresql"))
    return has(prompt, FORM)


def _says_unsure(look: Look, prompt: str) -> bool:
    phrase = look.task.spec.output.abstain
    return has(prompt, UNSURE) or (bool(phrase) and has(prompt, (str(phrase).lower(),)))


def _add_shown(look: Look) -> str:
    if _shows(look):
        return "You are shown numbered passages, then a question."
    fields = [n for n in (look.task.examples[0].inputs if look.task.examples else {})]
    return f"You are shown {' and '.join(f'the {n}' for n in fields[:3]) or 'a question'}."


def _add_task(look: Look) -> str:
    described = look.task.spec.description.strip().rstrip(".")
    return f"{described}." if described else "Answer the question."


def _add_steps(look: Look) -> str:
    if _shows(look):
        return (
            "First find the passage that is about exactly what is asked; others may look alike and"
            " differ. Then answer from it."
        )
    return "First note what exactly is asked. Then answer that and nothing more."


def _add_form(look: Look) -> str:
    return answer_form(look.task.spec.output, look.task.split("train"))


def _add_unsure(look: Look) -> str:
    when = "the passages do not say" if _shows(look) else "you do not know"
    return f"If {when}, reply exactly: {look.task.spec.output.abstain or 'I do not know'}"


Says = Callable[[Look, str], bool]
FACETS: dict[str, tuple[Says, str, Callable[[Look], str]]] = {
    "shown": (_says_shown, "what is shown", _add_shown),
    "task": (lambda look, prompt: has(prompt, TASK), "what the task is", _add_task),
    "steps": (_says_steps, "in which steps to go", _add_steps),
    "form": (_says_form, "which form the answer has", _add_form),
    "unsure": (_says_unsure, "what to do when unsure", _add_unsure),
}
