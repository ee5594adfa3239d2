"""Chat, embedding and re-ranking backends, by name: `provider/model`.

    embedded/...    in this process, fetched once (catalogue, pull, embedded, vectors)
    scripted/...    answers from a script (scripted)
    tuned/...       of the task's own: a chat model (tuned), an embedding model (adapted)
    PROVIDER/...    a service: one of the task's `endpoints` or a known provider, by OpenAI's form
                    (endpoint) or by Anthropic's (anthropic)

A backend is one file and one line in a table below: the provider's name and a function
`open(name, opening)`, plain or async, that gives the model. Outside packages join by the entry
point groups `headway.chat_models`, `headway.embedding_models` and `headway.rerank_models`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway.core.catalogue import Family
from headway.core.progress import Progress, silent
from headway.core.protocols import ChatModel, EmbeddingModel, RerankModel
from headway.core.task import Endpoint, Task

if TYPE_CHECKING:
    from headway.models.prices import Prices

CHAT_MODELS = Family(
    "chat_model",
    {
        "embedded": "headway.models.embedded:open_embedded",
        "scripted": "headway.models:_scripted_chat",
        "tuned": "headway.models.tuned:open_tuned_chat",
    },
)
EMBEDDING_MODELS = Family(
    "embedding_model",
    {
        "embedded": "headway.models.vectors:open_embedding",
        "scripted": "headway.models:_scripted_embedding",
        "tuned": "headway.models.adapted:open_tuned",
    },
)
RERANK_MODELS = Family(
    "rerank_model",
    {
        "embedded": "headway.models.vectors:open_rerank",
        "scripted": "headway.models:_scripted_rerank",
    },
)


def _unheard(text: str) -> None:
    """Where nobody listens."""


@dataclass(frozen=True)
class Opening:
    """What a backend may use while it is opened.

    folder: the task's, for `.env`, prices and files named relative to it. notice: takes a
    sentence that the run's findings must carry. capabilities: of an earlier check of the model.
    """

    folder: Path | None = None
    endpoints: Mapping[str, Endpoint] | None = None
    progress: Progress = silent
    notice: Callable[[str], None] = _unheard
    capabilities: Mapping[str, Any] | None = None


async def open_chat(
    name: str,
    task: Task | None = None,
    *,
    progress: Progress = silent,
    notice: Callable[[str], None] = _unheard,
    capabilities: Mapping[str, Any] | None = None,
) -> ChatModel:
    """The chat model of that name; an embedded one is fetched if need be.

    Where an embedded model cannot be had its fallback is opened and `notice` is told; name and
    identity are those of the model that really answers. Raises InputError for a name that is not
    known or a key that is not set, ModelError for a model that cannot be had.
    """
    model: ChatModel = await _open(
        CHAT_MODELS, _endpoint_chat, name, task, progress, notice, capabilities
    )
    return model


async def open_embedding(
    name: str,
    task: Task | None = None,
    *,
    progress: Progress = silent,
    notice: Callable[[str], None] = _unheard,
) -> EmbeddingModel:
    """The embedding model of that name. Raises as open_chat()."""
    model: EmbeddingModel = await _open(
        EMBEDDING_MODELS, _endpoint_embedding, name, task, progress, notice
    )
    return model


async def open_rerank(
    name: str,
    task: Task | None = None,
    *,
    progress: Progress = silent,
    notice: Callable[[str], None] = _unheard,
) -> RerankModel:
    """The re-ranking model of that name. Raises as open_chat()."""
    model: RerankModel = await _open(RERANK_MODELS, _endpoint_rerank, name, task, progress, notice)
    return model


async def _open(
    family: Family,
    at_endpoint: Callable[[str, Opening], Any],
    name: str,
    task: Task | None,
    progress: Progress,
    notice: Callable[[str], None],
    capabilities: Mapping[str, Any] | None = None,
) -> Any:
    endpoints = task.spec.endpoints if task is not None else {}
    folder = task.folder if task is not None else None
    opening = Opening(folder, endpoints, progress, notice, capabilities)
    return await _open_with(family, at_endpoint, name, opening)


async def _open_with(
    family: Family, at_endpoint: Callable[[str, Opening], Any], name: str, opening: Opening
) -> Any:
    provider = name.partition("/")[0]
    # A task's own endpoint goes before a backend of the same name.
    ours = provider not in (opening.endpoints or {}) and provider in family.names()
    opened = (family.load(provider) if ours else at_endpoint)(name, opening)
    return await opened if inspect.isawaitable(opened) else opened


async def open_base(name: str, opening: Opening) -> EmbeddingModel:
    """The embedding model that another backend is built upon, opened with what that was given."""
    model: EmbeddingModel = await _open_with(EMBEDDING_MODELS, _endpoint_embedding, name, opening)
    return model


# The imports below are inside the functions: a backend costs nothing until it is used.


def _scripted_chat(name: str, opening: Opening) -> ChatModel:
    from headway.models.scripted import scripted_chat

    return scripted_chat(name, opening.folder)


def _scripted_embedding(name: str, opening: Opening) -> EmbeddingModel:
    from headway.models.scripted import ScriptedEmbedding

    return ScriptedEmbedding(name=name)


def _scripted_rerank(name: str, opening: Opening) -> RerankModel:
    from headway.models.scripted import ScriptedRerank

    return ScriptedRerank(name=name)


def _endpoint_chat(name: str, opening: Opening) -> ChatModel:
    from headway.models.service import Capabilities, service

    at = service(name, endpoints=opening.endpoints, folder=opening.folder)
    known = Capabilities.from_dict(opening.capabilities) if opening.capabilities else None
    if at.api == "anthropic":
        from headway.models.anthropic import AnthropicChat

        return AnthropicChat(at, prices=prices_of(name, opening), capabilities=known)
    from headway.models.endpoint import EndpointChat

    return EndpointChat(at, prices=prices_of(name, opening), capabilities=known)


def _endpoint_embedding(name: str, opening: Opening) -> EmbeddingModel:
    from headway.models.endpoint import EndpointEmbedding
    from headway.models.service import openai_form, service

    at = openai_form(service(name, endpoints=opening.endpoints, folder=opening.folder), "embed")
    return EndpointEmbedding(at, prices=prices_of(name, opening))


def _endpoint_rerank(name: str, opening: Opening) -> RerankModel:
    from headway.models.endpoint import EndpointRerank
    from headway.models.service import openai_form, service

    at = openai_form(service(name, endpoints=opening.endpoints, folder=opening.folder), "rerank")
    return EndpointRerank(at, prices=prices_of(name, opening))


def prices_of(name: str, opening: Opening) -> Prices:
    """The user's prices; what is missing or old for this model is told."""
    from headway.models.prices import Prices

    prices = Prices.load(opening.folder)
    for said in prices.notices([name]):
        opening.notice(said)
    return prices
