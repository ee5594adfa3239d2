"""Say what is shown, what the task is, the steps, the form of the answer, and what to do unsure.

Composed from the task's own description, schema, labels and the look of train's references, so it
needs no second model. OpenAI's guide "Optimizing LLM Accuracy" and its prompting strategies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from statistics import median
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.task import Example, Output


class Instructions:
    """Two prompts: a short one and one in numbered steps."""

    name: ClassVar[str] = "instructions"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "vague prompts; answers in the wrong form or length; guessing"
    not_good_for: ClassVar[str] = "bringing in knowledge; a complex style that takes examples"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "unfaithful", "invalid_output", "crowded_out", "refused",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "some 60 prompt tokens"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Replaces the template; a template with placeholders of its own is left alone."""
        step = ctx.incumbent.step("generate")
        if step is None or "{{" in str(step.settings.get("template", "")):
            return
        spec = ctx.task.spec
        shown = ctx.incumbent.step("retrieve") is not None
        form = answer_form(spec.output, ctx.train)
        when = "they do not say" if shown else "you do not know"
        unsure = f"If {when}, reply exactly: {spec.output.abstain}"
        task = spec.description.rstrip(".")
        lines = [f"{task}." if task else "Answer the question."]
        if shown:
            lines.append("You are shown numbered passages, then a question.")
            lines.append(f"Answer from the passages only. {form}")
        else:
            lines.append(form)
        if spec.output.abstain:
            lines.append(unsure)
        yield Candidate(
            ctx.incumbent.with_step("generate", template="\n".join(lines)),
            "clear instructions: what is shown, the form, what to do when unsure",
        )
        steps = [
            "Read the question and note what it asks about, down to names, places and dates.",
            "Find the passage that is about exactly that; others may look alike and differ."
            if shown
            else "Recall what is needed to answer it.",
            form,
        ]
        if spec.output.abstain:
            steps.append(unsure + ".")
        numbered = [f"{n}. {text}" for n, text in enumerate(steps, start=1)]
        yield Candidate(
            ctx.incumbent.with_step(
                "generate", template="\n".join([*lines[: 1 + shown], *numbered])
            ),
            "clear instructions in numbered steps",
        )


def answer_form(output: Output, train: Sequence[Example]) -> str:
    """The agreed form of an answer in a sentence, read from the task and train's references."""
    if output.kind == "label":
        return f"Reply with one of these labels and nothing else: {', '.join(output.labels)}."
    if output.kind == "json":
        return "Reply with one JSON object and nothing else."
    if output.kind == "sql":
        return f"Reply with one {output.dialect or 'SQL'} query and nothing else."
    words = [len(r.split()) for e in train for r in e.references[:1]]
    if words and median(words) <= 6:
        longest = sorted(words)[int(0.9 * (len(words) - 1))]
        return (
            "Reply with the shortest phrase that answers the question, copied word for word, at"
            f" most {max(2, longest)} words: no sentence, no explanation."
        )
    if words and median(words) <= 30:
        return "Reply with one short sentence and nothing else."
    return "Reply with the answer alone, without an introduction."
