"""Where a model is: whose service, which model there, with which key, and what it was found to do.

Keys come from the environment or the task folder's `.env`, and are written nowhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from headway.core.catalogue import did_you_mean
from headway.core.errors import InputError
from headway.core.task import Endpoint

TokenField = Literal["max_tokens", "max_completion_tokens"]
Api = Literal["openai", "anthropic"]


@dataclass(frozen=True)
class Provider:
    """A hosted service that we know by name."""

    base_url: str
    key_env: str | None
    token_field: TokenField = "max_tokens"
    rerank_url: str | None = None
    concurrency: int = 64
    api: Api = "openai"
    """The form of its requests and replies."""


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens"),
    "anthropic": Provider("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", api="anthropic"),
    "ollama": Provider("http://localhost:11434/v1", None, concurrency=8),
    "cerebras": Provider("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "cohere": Provider(
        "https://api.cohere.com/compatibility/v1",
        "COHERE_API_KEY",
        rerank_url="https://api.cohere.com/v2/rerank",
    ),
    "deepinfra": Provider("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "fireworks": Provider("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "jina": Provider("https://api.jina.ai/v1", "JINA_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "nvidia": Provider("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "xai": Provider("https://api.x.ai/v1", "XAI_API_KEY"),
}


@dataclass(frozen=True)
class Capabilities:
    """What an endpoint was found to do. None: not known.

    The defaults are what is assumed before `headway models check`: everything is sent, and an
    endpoint that cannot do it says so. `answers` False is never stored: the check raises instead.
    """

    json_schema: bool | None = None
    """Whether replies follow a schema that only the request's field tells of."""
    seed: bool | None = None
    """Whether it takes a seed."""
    seed_repeats: bool | None = None
    """Whether the same seed gave the same text, twice, at temperature above 0."""
    temperature: bool | None = None
    """Whether it takes a temperature other than 1."""
    logprobs: bool | None = None
    usage: bool | None = None
    """Whether replies tell their tokens; else they are estimated."""
    token_field: TokenField = "max_tokens"
    latency_s: float | None = None
    """Seconds from sending the first accepted request to its whole reply."""
    json_by: Literal["format", "tool"] | None = None
    """Of Anthropic's form: by what a schema is enforced."""
    thinks: bool | None = None
    """Whether it thinks unasked, within the limit of tokens."""
    served_model: str | None = None
    """The model name that the service put into its reply."""
    calls: int = 0
    """Requests that the check needed."""
    checked: str | None = None
    """ISO date of the check, UTC."""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Capabilities:
        """The inverse of to_dict(); fields of other versions are passed over."""
        known = {f.name for f in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        return cls(**{**kept, "notes": tuple(kept.get("notes", ()))})


@dataclass(frozen=True)
class Service:
    """A model name resolved: whose endpoint, which model there, with which key."""

    name: str
    model: str
    endpoint: Endpoint
    key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The endpoint's headers, `${NAME}` replaced from the environment."""
    token_field: TokenField = "max_tokens"
    rerank_url: str | None = None
    api: Api = "openai"


def service(
    name: str,
    *,
    endpoints: Mapping[str, Endpoint] | None = None,
    folder: Path | None = None,
    where: str | None = None,
) -> Service:
    """Resolve `PROVIDER/MODEL`, where PROVIDER is one of the task's endpoints or of PROVIDERS.

    A task's own endpoint goes before ours of the same name. folder: the task folder, whose
    `.env` is read where the environment does not hold the key. Raises InputError for a name that
    is not known and for a key that is not set.
    """
    owner, _, model = name.partition("/")
    own = (endpoints or {}).get(owner)
    known = PROVIDERS.get(owner)
    api: Api = (own.api if own else None) or (known.api if known else "openai")
    if (own is None and known is None) or not model:
        names = [*(endpoints or {}), *PROVIDERS]
        raise InputError(
            f"{name!r} is not the name of a model at an endpoint",
            where=where,
            valid=f"PROVIDER/MODEL; {did_you_mean(owner, names)}",
            do="in task.yaml: endpoints: {house: {base_url: http://localhost:8000/v1}}"
            "   then: house/MODEL",
        )
    if own is None:
        assert known is not None
        own = Endpoint(
            base_url=known.base_url, key_env=known.key_env, concurrency=known.concurrency
        )
        token_field, rerank_url = known.token_field, known.rerank_url
    else:
        token_field, rerank_url = "max_tokens", None
    held = _Environment(folder)
    key = held.need(own.key_env, name, where) if own.key_env else None
    headers = {
        header: re.sub(r"\$\{(\w+)\}", lambda found: held.need(found[1], name, where), value)
        for header, value in own.headers.items()
    }
    return Service(name, model, own, key, headers, token_field, rerank_url, api)


def openai_form(at: Service, role: str) -> Service:
    """The service, which embeds or re-ranks. Raises InputError where its form has no such calls."""
    if at.api != "openai":
        raise InputError(
            f"{at.name}: Anthropic's API answers chats and neither embeds nor re-ranks",
            valid="a model of another provider, or one that runs in this process",
            do=f"headway models   (then, in task.yaml, models: {{{role}: NAME}})",
        )
    return at


class _Environment:
    """The environment, then the task folder's `.env`."""

    def __init__(self, folder: Path | None) -> None:
        self.file = (folder or Path()) / ".env"
        self._held: dict[str, str] | None = None

    def need(self, variable: str, name: str, where: str | None) -> str:
        value = os.environ.get(variable, "").strip()
        if not value:
            if self._held is None:
                self._held = read_env(self.file)
            value = self._held.get(variable, "").strip()
        if not value:
            raise InputError(
                f"{name} needs a key, and {variable} is not set",
                where=where,
                do=f"export {variable}=...   (or a line {variable}=... in {self.file})",
            )
        if not value.isascii() or not value.isprintable():
            # Said here, since the HTTP library would quote the value in its own error.
            raise InputError(
                f"{variable} holds a character that no key has (a line break, a letter outside"
                " ASCII)",
                where=where,
                do=f"export {variable}=...   (the key alone)",
            )
        return value


def read_env(file: Path) -> dict[str, str]:
    """A `.env` file: lines of NAME=VALUE, `export` and quotes allowed, # for remarks.

    Empty where there is no such file. Raises InputError for a line that cannot be read; the
    message names the line's number and never its text.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise InputError("cannot be read as text", where=str(file)) from None
    held: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)", line)
        if not found:
            raise InputError(
                "this line is not NAME=VALUE", where=f"{file}:{number}", valid="NAME=VALUE"
            )
        name, value = found.groups()
        if quoted := re.match(r"""(["'])(.*?)\1\s*(?:#.*)?$""", value):
            value = quoted[2]
        else:
            value = re.split(r"\s#", value, maxsplit=1)[0].rstrip()
        held[name] = value
    return held
