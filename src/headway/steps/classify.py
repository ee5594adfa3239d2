"""Choose the domain that a question belongs to, search there only, and tell the model.

By asking the model, or by a light classifier trained on `train`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from headway.core.errors import InputError
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.task import Frozen
from headway.steps.reading import as_label, first_json

TEMPLATE = "Which of these subjects is the question about?"


class Classify(Frozen):
    """use `filter`: only the domain's documents are searched; `note`: the model is told of it.

    domains: the names to choose from; without any, all that the knowledge has. Where there are
    fewer than two, or none is chosen, nothing changes. template: what stands above the list of
    domains, when the model is asked.
    """

    name: ClassVar[str] = "classify"
    supplies_context: ClassVar[bool] = True

    by: Literal["model", "trained"] = "model"
    use: Literal["filter", "note", "both"] = "filter"
    domains: tuple[str, ...] = ()
    embed: str | None = None
    model: str | None = None
    template: str = TEMPLATE

    @property
    def chats(self) -> bool:
        """Whether the pipeline's chat model is called."""
        return self.by == "model"

    @property
    def reads(self) -> tuple[str, ...]:
        """What of the task it looks at."""
        return ("knowledge",) if self.by == "model" else ("knowledge", "train")

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"embed": "embed"} if self.by == "trained" else {}

    def request(self, question: str, choices: Mapping[str, str]) -> ChatRequest:
        """What is asked of the model; choices: each domain with what it is about."""
        lines = [f"- {name}: {about}" if about else f"- {name}" for name, about in choices.items()]
        told = f"{self.template}\n" + "\n".join(lines) + '\nReply with JSON: {"subject": NAME}'
        schema = {
            "type": "object",
            "properties": {"subject": {"type": "string", "enum": list(choices)}},
            "required": ["subject"],
            "additionalProperties": False,
        }
        return ChatRequest(
            messages=(Message("system", told), Message("user", f"Question: {question}")),
            max_tokens=48,
            json_schema=schema,
        )

    def choices(self, lend: Lender) -> dict[str, str]:
        """The domains to choose from. Raises InputError for one that the task does not have."""
        known = lend.domains
        for name in self.domains:
            if known and name not in known:
                raise InputError(
                    f"there is no domain {name!r}",
                    where="step classify, domains",
                    valid=", ".join(known),
                )
        return {name: known.get(name, "") for name in self.domains or known}

    async def run(self, state: State, lend: Lender) -> State:
        """Add to `where` and `notes` what was chosen."""
        choices = self.choices(lend)
        chosen, why = None, ""
        if len(choices) < 2:
            why = "there are no two domains to choose from"
        elif not state.query.strip():
            why = "there is no question"
        elif self.by == "model":
            reply = await lend.chat(self.request(state.query, choices), self.model)
            chosen = picked(reply, choices)
            why = "" if chosen else "the reply names none of the domains, or several"
        else:
            chosen = await lend.domain(state.query, self.embed or lend.task.spec.models.embed)
            if chosen is None:
                why = "train has too few examples of two domains"
            elif chosen not in choices:
                chosen, why = None, f"{chosen} is not one of the domains to choose from"
        seen = {"step": "classify", "domain": chosen, **({"why": why} if why else {})}
        state = replace(state, trace=(*state.trace, seen))
        if chosen is None:
            return state
        if self.use != "note":
            other = tuple(pair for pair in state.where if pair[0] != "domain")
            state = replace(state, where=(*other, ("domain", chosen)))
        if self.use != "filter":
            state = replace(state, notes=(*state.notes, note(chosen, choices[chosen])))
        return state


def note(domain: str, about: str) -> str:
    """The sentence that the model is told."""
    told = f"{domain}: {about}" if about else domain
    return f"The question is about {told}" + ("" if told.endswith((".", "!", "?")) else ".")


def picked(reply: ChatReply, choices: Mapping[str, str]) -> str | None:
    """The domain that a reply names, as JSON or in words; None where it names none, or several."""
    if reply.finish == "refused":
        return None
    value = first_json(reply.text)
    said = value.get("subject") if isinstance(value, dict) else None
    return as_label(said if isinstance(said, str) else reply.text, tuple(choices))
