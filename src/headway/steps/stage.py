"""One step of a task that is split into several, with a prompt of its own; what the model writes is
shown with the question to all that comes after.

"Split complex tasks into simpler subtasks" (OpenAI's prompting guide). Khot et al., 2023,
"Decomposed Prompting: A Modular Approach for Solving Complex Tasks".
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field, field_validator

from headway.core.errors import TooLong
from headway.core.protocols import Lender, State
from headway.core.record import ChatRequest
from headway.core.task import Frozen, Output
from headway.core.template import placeholders, sound
from headway.steps.generate import Generate
from headway.steps.reading import apart, refuses

TEMPLATE = (
    "Do not answer yet. List what exactly is asked, then each fact from what you are shown that"
    " matters for it, one on a line."
)


class Stage(Frozen):
    """Comes before `generate`, as often as there are stages.

    template: as in `generate`, with the same placeholders; what earlier stages wrote stands at
    {{worked}}, else before the question. title: the line above what it writes, where that is shown.
    A refusal and an empty reply are not shown; what was cut off is.
    """

    name: ClassVar[str] = "stage"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    template: str = TEMPLATE
    title: str = "Notes"
    max_tokens: int = Field(default=160, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    model: str | None = None

    @field_validator("template")
    @classmethod
    def _sound(cls, value: str) -> str:
        return sound(value)

    def request(self, state: State, output: Output) -> ChatRequest:
        """What is asked at this stage: without the solved examples, which show answers."""
        asks = Generate(
            template=self.template, max_tokens=self.max_tokens, temperature=self.temperature
        )
        held = "examples" in placeholders(self.template)
        return asks.request(state if held else replace(state, shots=()), output)

    async def run(self, state: State, lend: Lender) -> State:
        """Append to `worked`; an example that is answered already is left alone."""
        if state.answer is not None:
            return state
        try:
            request = self.request(state, lend.task.spec.output)
            reply = await lend.chat(request, self.model)
        except TooLong as error:
            seen = {"step": "stage", "title": self.title, "wrote": "", "why": error.what}
            return replace(state, trace=(*state.trace, seen))
        _, text = apart(reply.text.strip())
        seen = {"step": "stage", "title": self.title, "wrote": text, "ended": reply.finish}
        state = replace(state, trace=(*state.trace, seen))
        if not text or reply.finish == "refused" or refuses(text):
            return state
        return replace(state, worked=(*state.worked, f"{self.title}:\n{text}"))
