"""Models behind an OpenAI-compatible service: vLLM, SGLang, Ollama, Azure's v1 form, hosted ones.

aiohttp, not the openai client: at 64 calls in flight a bare call of the former costs less than a
tenth of the latter's CPU time, and thousands of calls are what this product does (figures in
bench/overhead).

What is asked again, and what is not:

    429, 408, 409, 425, 5xx, no connection,    again, `retries` times, then Outage
    timeout, a reply that cannot be read
    any other 3xx or 4xx; 429 for want of      Rejected at once, with what to do about it
    quota (no wait refills an account)
    a content filter's 400                     a reply with finish `refused`

Waits are full jitter over an exponential bound, or what Retry-After says if that is longer.
Calls in flight adapt to 429s: halved at most once a round trip, one more after each window of
successes. A call that waits to be repeated gives its place away and comes back before new ones.

Keys stand in the Authorization header of a session and in one private field, and nowhere else:
not in identity, messages, repr or logs; a server's words are stripped of them before quoting.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import numpy as np
import orjson
from yarl import URL

from headway.core.catalogue import did_you_mean
from headway.core.charge import Charge
from headway.core.errors import InputError, Outage, Rejected
from headway.core.protocols import Vectors
from headway.core.record import ChatReply, ChatRequest
from headway.core.task import Endpoint
from headway.models.prices import Prices

TokenField = Literal["max_tokens", "max_completion_tokens"]
Read = TypeVar("Read")

AGAIN = frozenset({408, 409, 425, 429})
LONGEST_WAIT_S = 60.0
"""The most that is waited before one repeat, whatever Retry-After says."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CONNECT_S = 10.0
IDLE_CONNECTION_S = 4.0
"""Shorter than uvicorn's 5 s, so that a server never closes a connection as we write to it."""


# --- where a model is -------------------------------------------------------------------------


@dataclass(frozen=True)
class Provider:
    """A hosted service that we know by name."""

    base_url: str
    key_env: str | None
    token_field: TokenField = "max_tokens"
    rerank_url: str | None = None
    concurrency: int = 64


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens"),
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
    return Service(name, model, own, key, headers, token_field, rerank_url)


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


# --- one call over HTTP -----------------------------------------------------------------------


class EndpointRejected(Rejected):
    """Rejected, with what `models check` needs to know of it.

    status: the HTTP status. code, param: the error's code and the parameter that the service
    blames, where it names them. said: its own words, without the key, at most 300 characters.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int,
        code: str | None,
        param: str | None,
        said: str,
        do: str | None,
    ) -> None:
        super().__init__(what, do=do)
        self.status, self.code, self.param, self.said = status, code, param, said


class EndpointOutage(Outage):
    """Outage, with the last HTTP status; None where there was no reply at all."""

    def __init__(self, what: str, *, status: int | None, do: str | None) -> None:
        super().__init__(what, do=do)
        self.status = status


class Malformed(Exception):
    """A reply that is not what was asked for; raised by readers, never leaves this module."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """One attempt without a usable reply. wait_s: what the service asked us to wait."""

    why: str
    status: int | None = None
    wait_s: float | None = None
    body: bytes = b""


class _Line:
    """The calls of one event loop: its session, and who is in flight or waits.

    A counter and a queue of futures: what an uncontended call pays is one comparison.
    """

    __slots__ = ("in_flight", "session", "waiting")

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.in_flight = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, limit: int, *, first: bool) -> None:
        if self.in_flight < limit and not self.waiting:
            self.in_flight += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if first:
            self.waiting.appendleft(place)
        else:
            self.waiting.append(place)
        self.admit(limit)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():
                # Cancelled after the place was given to it: hand it on, or it is lost for good.
                self.leave(limit)
            raise

    def leave(self, limit: int) -> None:
        self.in_flight -= 1
        self.admit(limit)

    def admit(self, limit: int) -> None:
        while self.waiting and self.in_flight < limit:
            place = self.waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)


class Wire:
    """POST of JSON to one service, with retries, adaptive concurrency and plain errors."""

    def __init__(self, service: Service, *, backoff_s: float = 0.5) -> None:
        endpoint = service.endpoint
        self.service = service
        self._backoff_s = backoff_s
        self._retries = endpoint.retries
        try:
            self._base = URL(endpoint.base_url)
        except ValueError:
            self._base = URL()
        if not self._base.host:
            raise InputError(
                f"{service.name}: base_url is not an address",
                valid="http://HOST:PORT/v1 or https://HOST/v1",
            )
        if self._base.user is not None or self._base.password is not None:
            raise InputError(
                "an address must not hold a user or password",
                where=self.shown,
                do="set key_env: NAME, and the environment variable NAME",
            )
        self._timeout = aiohttp.ClientTimeout(total=endpoint.timeout_s, sock_connect=CONNECT_S)
        self._most = endpoint.concurrency
        self._limit = float(endpoint.concurrency)
        self._cut_at = 0.0
        self._not_before = 0.0
        self._lines: dict[asyncio.AbstractEventLoop, _Line] = {}
        self._closed = False
        self._random = random.Random()  # jitter must differ between processes: no seed
        self.attempts = 0
        """HTTP requests sent, repeats among them."""

    @property
    def shown(self) -> str:
        """The address for people: without a query, which may hold a key."""
        return str(self._base.with_user(None).with_query(None))

    @property
    def identity(self) -> str:
        """The address without secrets; of the query only Azure's api-version counts."""
        version = self._base.query.get("api-version")
        return f"{self.shown}?api-version={version}" if version else self.shown

    @property
    def concurrency(self) -> int:
        """Calls worth having in flight now."""
        return int(self._limit)

    def url(self, path: str) -> URL:
        """The address of one operation; a query of the base address is kept."""
        base = self._base
        joined = base.with_path(base.raw_path.rstrip("/") + path, encoded=True)
        return joined.with_query(base.query)

    async def _open(self) -> _Line:
        """This event loop's line; sessions of loops that ended are put away on the way."""
        for loop, line in list(self._lines.items()):
            if loop.is_closed():
                del self._lines[loop]
                await line.session.close()
        here = asyncio.get_running_loop()
        line = self._lines[here] = _Line(self._session())
        return line

    def _session(self) -> aiohttp.ClientSession:
        headers = {"Content-Type": "application/json", "User-Agent": "headway"}
        if self.service.key is not None:
            headers["Authorization"] = f"Bearer {self.service.key}"
        headers.update(self.service.headers)
        host = self._base.host or ""
        # Once a session: aiohttp's own trust_env looks the proxy up for every request, and may
        # send the password of a ~/.netrc to the endpoint.
        direct = host in LOOPBACK or proxy_bypass(host)
        proxy = None if direct else getproxies().get(self._base.scheme)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._most, keepalive_timeout=IDLE_CONNECTION_S, ttl_dns_cache=300
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=self._timeout,
            proxy=proxy,
        )

    async def post(
        self, url: URL, body: bytes, read: Callable[[bytes], Read]
    ) -> tuple[Read, float]:
        """What `read` makes of the reply, and the seconds that the last attempt took.

        read raises Malformed for a reply that is not one. Raises EndpointRejected or
        EndpointOutage.
        """
        failed = None
        for attempt in range(self._retries + 1):
            if failed is not None:
                await self._pause(attempt, failed)
            if self._closed:
                raise EndpointOutage(f"{self.service.name} was closed", status=None, do=None)
            line = self._lines.get(asyncio.get_running_loop()) or await self._open()
            await line.enter(int(self._limit), first=failed is not None)
            try:
                wait = self._not_before - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait + self._random.uniform(0, self._backoff_s))
                started = time.monotonic()
                failed, data = await self._attempt(line.session, url, body)
                seconds = time.monotonic() - started
                if failed is None:
                    self._succeeded()
                elif failed.status is not None:
                    self._judge(failed, started)
            finally:
                line.leave(int(self._limit))
            if failed is None:
                try:
                    return read(data), seconds
                except Malformed as problem:
                    why = f"sent a reply that cannot be used: {self._clean(str(problem))}"
                    failed = _Failed(why, 200)
        assert failed is not None
        if failed.status == 429:
            do = "a lower concurrency: or more retries: for this endpoint in task.yaml"
        elif failed.status is None:
            do = (
                f"is the service up and the address right? curl {self.shown}/models"
                "   (timeout_s: for this endpoint in task.yaml)"
            )
        else:
            do = "see the service's own log, and try again: what was answered is kept"
        raise EndpointOutage(
            f"{self.service.name} at {self.shown} {failed.why}"
            f" ({self._retries + 1} attempts; the last is told here)",
            status=failed.status,
            do=do,
        )

    async def _attempt(
        self, session: aiohttp.ClientSession, url: URL, body: bytes
    ) -> tuple[_Failed | None, bytes]:
        self.attempts += 1
        try:
            # A redirect is not followed: it would turn the POST into a GET, or carry the key
            # to somebody else.
            async with session.post(url, data=body, allow_redirects=False) as response:
                data = await response.read()
                status = response.status
                if 200 <= status < 300:
                    return None, data
                if status < 400:
                    data = f"it redirects to {response.headers.get('Location')}".encode()
                return (
                    _Failed(
                        f"answered with HTTP {status}",
                        status,
                        retry_after(response.headers),
                        data,
                    ),
                    b"",
                )
        except aiohttp.ConnectionTimeoutError:
            return _Failed(f"did not take a connection within {CONNECT_S:g} s"), b""
        except TimeoutError:
            seconds = self.service.endpoint.timeout_s
            return _Failed(f"did not answer within {seconds:g} s"), b""
        except (aiohttp.ClientError, OSError) as error:
            # Only the type and the library's short text: its exceptions hold the headers.
            return _Failed(f"could not be reached: {self._clean(_short(error))}"), b""

    async def _pause(self, attempt: int, failed: _Failed) -> None:
        bound = min(LONGEST_WAIT_S, self._backoff_s * 2.0 ** (attempt - 1))
        wait = self._random.uniform(0, bound)
        if failed.wait_s is not None:
            # Never sooner than it was told; the jitter keeps all callers from returning at once.
            wait = min(LONGEST_WAIT_S, failed.wait_s + min(wait, 1.0))
        await asyncio.sleep(wait)

    def _succeeded(self) -> None:
        if self._limit < self._most:
            # 1/limit for each success is one more for each window of successes.
            self._limit = min(float(self._most), self._limit + 1 / int(self._limit))

    def _judge(self, failed: _Failed, started: float) -> None:
        """Return if the call is worth repeating, else raise Rejected; learn from a 429."""
        status = failed.status
        assert status is not None
        code, param, said = self._said(failed.body)
        if status == 429 and code != "insufficient_quota":
            # Calls that were sent before the last cut tell nothing of the new limit: without
            # this, one burst of 64 answers would halve it six times.
            if started > self._cut_at:
                self._cut_at = time.monotonic()
                self._limit = max(1.0, self._limit / 2)
            if failed.wait_s is not None:
                until = time.monotonic() + min(LONGEST_WAIT_S, failed.wait_s)
                self._not_before = max(self._not_before, until)
            return
        if status != 429 and (status in AGAIN or status >= 500):
            return
        what = f"{self.service.name} at {self.shown} rejected the request with HTTP {status}"
        raise EndpointRejected(
            f"{what}: {said}" if said else what,
            status=status,
            code=code,
            param=param,
            said=said,
            do=self._advice(status, said),
        )

    def _advice(self, status: int, said: str) -> str:
        key_env = self.service.endpoint.key_env
        if status in (401, 403):
            return (
                f"check the key in {key_env} and that it may use {self.service.model!r}"
                if key_env
                else "the service wants a key: key_env: NAME for this endpoint in task.yaml"
            )
        if status in (402, 429):
            return "the account has no quota left: see the service's billing page"
        if status == 404:
            return (
                f"is the model {self.service.model!r} served there, and does base_url end as the"
                f" service wants it (often /v1)? curl {self.shown}/models"
            )
        if 300 <= status < 400:
            return "set base_url to the address that it redirects to"
        if re.search(r"context.{0,20}length|too (long|many tokens|large)", said, re.IGNORECASE):
            return "the prompt is too long for this model: fewer or shorter passages"
        return f"headway models check {self.service.name}   (finds what the endpoint takes)"

    def _said(self, body: bytes) -> tuple[str | None, str | None, str]:
        """Code, parameter and words of an error reply, whichever form it has."""
        code = param = None
        said: Any = ""
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            said = body[:2000].decode("utf-8", "replace")
            data = None
        if isinstance(data, dict):
            error = data.get("error", data)
            if isinstance(error, dict):
                code, param = error.get("code") or error.get("type"), error.get("param")
                said = error.get("message") or error.get("detail") or error
            else:
                said = error
        text = said if isinstance(said, str) else orjson.dumps(said).decode()
        text = self._clean(" ".join(re.sub(r"<[^>]*>", " ", text).split()))
        text = text if len(text) <= 300 else text[:297] + "..."
        return (
            code if isinstance(code, str) else None,
            param if isinstance(param, str) else None,
            text,
        )

    def _clean(self, text: str) -> str:
        """A text without our secrets: some services quote the key, whole or in part."""
        secrets = [self.service.key, *self.service.headers.values()]
        for secret in secrets:
            if secret and len(secret) >= 6:
                text = text.replace(secret, "***")
                # 'sk-pro***abcd': anything that begins as the key does.
                text = re.sub(re.escape(secret[:6]) + r"\S*", "***", text)
        return text

    async def close(self) -> None:
        """Close the sessions, for good: calls in flight and later ones raise Outage."""
        self._closed = True
        here = asyncio.get_running_loop()
        while self._lines:
            loop, line = self._lines.popitem()
            if loop is here or loop.is_closed():
                await line.session.close()
            else:
                # Sockets belong to their loop; from here we can only ask it.
                asyncio.run_coroutine_threadsafe(line.session.close(), loop)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a reply asks us to wait; None where it does not, or not readably.

    Retry-After as seconds or as an HTTP date, and the common retry-after-ms.
    """
    for name, unit in (("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d*)?", value):
            return float(value) * unit
    value = headers.get("Retry-After", "")
    if not value:
        return None
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _json(data: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(data, default=_plain)
    except orjson.JSONEncodeError as error:
        raise Rejected(f"the request cannot be written as JSON: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def _short(error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    return words if len(words) <= 200 else words[:197] + "..."


def read_object(data: bytes) -> dict[str, Any]:
    """A reply as a JSON object. Raises Malformed."""
    try:
        reply = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Malformed(f"not JSON (it begins {data[:40]!r})") from None
    if not isinstance(reply, dict):
        raise Malformed(f"not a JSON object but {type(reply).__name__}")
    if error := reply.get("error"):
        raise Malformed(f"HTTP 200 that holds an error: {str(error)[:200]}")
    return reply


# --- chat -------------------------------------------------------------------------------------


class EndpointChat:
    """ChatModel over `/chat/completions`.

    service: what the function of that name gives. prices: where `usd` comes from; without a
    price it is None. capabilities: of an earlier check; what the endpoint was found not to take
    is not sent. backoff_s: bound of the first wait between attempts, seconds.

    Each attempt has `Endpoint.timeout_s` from its sending to the end of the reply; waiting for a
    free place is not counted, neither there nor in `latency_s`.
    """

    def __init__(
        self,
        service: Service,
        *,
        prices: Prices | None = None,
        capabilities: Capabilities | None = None,
        backoff_s: float = 0.5,
    ) -> None:
        self.name = service.name
        self.service = service
        self.capabilities = capabilities or Capabilities(token_field=service.token_field)
        self.wire = Wire(service, backoff_s=backoff_s)
        self._model = service.model
        self._url = self.wire.url("/chat/completions")
        self._price = prices.of(service.name) if prices else None
        self._format: tuple[Mapping[str, Any], dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"EndpointChat({self.name!r}, {self.wire.shown!r})"

    @property
    def identity(self) -> str:
        """Address and model, and what is left out of requests since it changes the answers."""
        can = self.capabilities
        left_out = [n for n in ("json_schema", "seed", "temperature") if not self._sends(n, can)]
        without = f" without {','.join(left_out)}" if left_out else ""
        return f"{self.wire.identity} {self._model}{without}"

    @staticmethod
    def _sends(name: str, can: Capabilities) -> bool:
        # None is not known, hence sent.
        return getattr(can, name) is not False

    @property
    def concurrency(self) -> int:
        """Calls worth having in flight now: from 1 to Endpoint.concurrency, as 429s allow."""
        return self.wire.concurrency

    def payload(self, request: ChatRequest) -> dict[str, Any]:
        """The JSON body of a request."""
        can = self.capabilities
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            can.token_field: request.max_tokens,
        }
        if can.temperature is not False:
            body["temperature"] = request.temperature
        if request.seed is not None and can.seed is not False:
            body["seed"] = request.seed
        if request.stop:
            body["stop"] = request.stop
        if request.json_schema is not None and can.json_schema is not False:
            body["response_format"] = self._response_format(request.json_schema)
        return body

    def _response_format(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        # One schema serves a whole run, so the last one is kept.
        if self._format is None or self._format[0] is not schema:
            self._format = (schema, response_format(schema))
        return self._format[1]

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask once (with retries). Raises Outage or Rejected."""
        body = _json(self.payload(request))
        try:
            read, seconds = await self.wire.post(self._url, body, _read_chat)
        except EndpointRejected as error:
            if error.status == 400 and error.code in FILTERED:
                # A filter's verdict on this one prompt is an answer of the service, and free.
                usd = None if self._price is None else 0.0
                return ChatReply(error.said, "refused", usd=usd)
            raise
        text, finish, prompt, completion = read
        if prompt is None:
            prompt = sum(_estimate(m.content) + 4 for m in request.messages)
        if completion is None:
            completion = _estimate(text)
        price = self._price
        usd = None if price is None else price.cost(prompt, completion)
        return ChatReply(text, finish, prompt, completion, seconds, usd)

    async def post(
        self, body: Mapping[str, Any], read: Callable[[bytes], Read]
    ) -> tuple[Read, float]:
        """Send a body of your own, with this model's retries: what `read` makes of the reply, and
        its seconds. Raises Outage or Rejected."""
        return await self.wire.post(self._url, _json(body), read)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate: a quarter of the UTF-8 bytes, rounded up. The tokenizer is not known."""
        return [_estimate(text) for text in texts]

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


Finish = Literal["stop", "length", "refused"]
FINISH: Mapping[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
    "refusal": "refused",
    "safety": "refused",
}
FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""Codes of a 400 by which a service says that it will not answer this prompt."""


def _read_chat(data: bytes) -> tuple[str, Finish, int | None, int | None]:
    reply = read_object(data)
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        content = message.get("content")
        refusal = message.get("refusal")
        ended = choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Malformed("no choices[0].message") from None
    if isinstance(content, list):
        # Some services answer in parts.
        content = "".join(p.get("text") or "" for p in content if isinstance(p, dict))
    finish = FINISH.get(ended, "stop") if isinstance(ended, str) else "stop"
    if isinstance(refusal, str) and refusal:
        content, finish = content or refusal, "refused"
    if content is None and "content" in message:
        # All of it was reasoning, or a tool call: the model's answer is empty, as it said.
        content = ""
    if not isinstance(content, str):
        raise Malformed(f"message.content is {type(content).__name__}, not text")
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return content, finish, None, None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        content,
        finish,
        prompt if isinstance(prompt, int) else None,
        completion if isinstance(completion, int) else None,
    )


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field that asks for a JSON Schema; strict where the schema allows it.

    Strict mode wants every object closed and every field required; a service rejects a strict
    request for any other schema.
    """
    form = {"name": "answer", "strict": _closed(schema), "schema": schema}
    return {"type": "json_schema", "json_schema": form}


def _closed(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(_closed(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties")
        names = set(properties) if isinstance(properties, Mapping) else set()
        if schema.get("additionalProperties") is not False:
            return False
        if names != set(schema.get("required", ())):
            return False
    return all(_closed(value) for value in schema.values())


def _estimate(text: str) -> int:
    # About 4 letters a token in English; the bytes count Chinese and Cyrillic as dearer, as
    # tokenizers do.
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-size // 4)


# --- embedding and re-ranking -----------------------------------------------------------------


class EndpointEmbedding:
    """EmbeddingModel over `/embeddings`.

    prices: where `usd` comes from; without a price it is None. batch: texts a call. prefixes: put
    before each text, by kind; what they are is the model's own custom, and empty is right for
    most hosted ones.
    """

    def __init__(
        self,
        service: Service,
        *,
        prices: Prices | None = None,
        batch: int = 32,
        prefixes: Mapping[Literal["query", "passage"], str] | None = None,
        backoff_s: float = 0.5,
    ) -> None:
        self.name = service.name
        self.wire = Wire(service, backoff_s=backoff_s)
        self._model = service.model
        self._url = self.wire.url("/embeddings")
        self._price = prices.of(service.name) if prices else None
        self._batch = batch
        self._prefixes = dict(prefixes or {})
        self._dimension = 0

    def __repr__(self) -> str:
        return f"EndpointEmbedding({self.name!r}, {self.wire.shown!r})"

    @property
    def identity(self) -> str:
        """Address, model and prefixes."""
        prefixes = "".join(f" {k}={v!r}" for k, v in sorted(self._prefixes.items()) if v)
        return f"{self.wire.identity} {self._model}{prefixes}"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, one a text, in order. Raises Outage or Rejected."""
        return (await self.embed_charged(texts, kind))[0]

    async def embed_charged(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> tuple[Vectors, Charge]:
        """As embed(), with its tokens, its price, and the seconds of its slowest batch."""
        if not texts:
            return np.zeros((0, self._dimension), np.float32), Charge()
        prefix = self._prefixes.get(kind, "")
        # An empty input is an error to most services.
        asked = [(prefix + text) or " " for text in texts]
        starts = range(0, len(asked), self._batch)
        tasks = [asyncio.ensure_future(self._embed(asked[at : at + self._batch])) for at in starts]
        try:
            # Not a TaskGroup: that would wrap an Outage into a group of exceptions.
            made = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        vectors = np.concatenate([rows for rows, _, _ in made])
        self._dimension = vectors.shape[1]
        tokens = sum(count for _, count, _ in made)
        usd = None if self._price is None else self._price.cost(tokens, 0, len(made))
        return vectors, Charge(tokens, usd, max(seconds for _, _, seconds in made))

    async def _embed(self, texts: list[str]) -> tuple[Vectors, int, float]:
        """Vectors, tokens, seconds of one call."""
        body = _json({"model": self._model, "input": texts, "encoding_format": "float"})
        (vectors, tokens), seconds = await self.wire.post(
            self._url, body, lambda data: _read_vectors(data, len(texts))
        )
        return vectors, tokens or sum(_estimate(text) for text in texts), seconds

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def _read_vectors(data: bytes, count: int) -> tuple[Vectors, int | None]:
    reply = read_object(data)
    rows = _indexed(reply, ("data",), count)
    try:
        vectors = np.array([row["embedding"] for row in rows], np.float32)
    except (KeyError, TypeError, ValueError):
        raise Malformed("no list of numbers of one length in each data[].embedding") from None
    if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise Malformed("embeddings that are not finite numbers")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise Malformed("an embedding of length 0")
    return np.asarray(vectors / norms, np.float32), _read_tokens(reply)


class EndpointRerank:
    """RerankModel over `/rerank`, in the form that Cohere, Jina, vLLM and others share.

    prices: where `usd` comes from; without a price it is None.
    """

    def __init__(
        self, service: Service, *, prices: Prices | None = None, backoff_s: float = 0.5
    ) -> None:
        self.name = service.name
        self.wire = Wire(service, backoff_s=backoff_s)
        self._model = service.model
        self._price = prices.of(service.name) if prices else None
        elsewhere = service.rerank_url
        self._url = URL(elsewhere) if elsewhere else self.wire.url("/rerank")

    def __repr__(self) -> str:
        return f"EndpointRerank({self.name!r}, {self.wire.shown!r})"

    @property
    def identity(self) -> str:
        """Address and model."""
        return f"{self.wire.identity} {self._model}"

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score a text, in order. Raises Outage or Rejected."""
        return (await self.rerank_charged(query, texts))[0]

    async def rerank_charged(self, query: str, texts: Sequence[str]) -> tuple[list[float], Charge]:
        """As rerank(), with its tokens, its price and its seconds."""
        if not texts:
            return [], Charge()
        # Without top_n every service gives all scores, and its name differs between them.
        body = _json({"model": self._model, "query": query, "documents": list(texts)})
        (scores, tokens), seconds = await self.wire.post(
            self._url, body, lambda data: _read_scores(data, len(texts))
        )
        # A cross-encoder reads the query again with each text.
        tokens = tokens or sum(_estimate(text) + _estimate(query) for text in texts)
        usd = None if self._price is None else self._price.cost(tokens, 0)
        return scores, Charge(tokens, usd, seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def _read_scores(data: bytes, count: int) -> tuple[list[float], int | None]:
    reply = read_object(data)
    rows = _indexed(reply, ("results", "data"), count)
    try:
        scores = [
            float(row["relevance_score" if "relevance_score" in row else "score"]) for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise Malformed("no relevance_score in each result") from None
    return scores, _read_tokens(reply)


def _read_tokens(reply: Mapping[str, Any]) -> int | None:
    """Tokens that an embedding or re-ranking reply says it read; None where it does not say.

    `usage` is OpenAI's form, which Jina and vLLM share; `meta.tokens` is Cohere's.
    """
    usage, meta = reply.get("usage"), reply.get("meta")
    told = meta.get("tokens") if isinstance(meta, dict) else None
    for where, names in ((usage, ("total_tokens", "prompt_tokens")), (told, ("input_tokens",))):
        for name in names:
            count = where.get(name) if isinstance(where, dict) else None
            if isinstance(count, (int, float)) and not isinstance(count, bool) and count > 0:
                return int(count)
    return None


def _indexed(reply: dict[str, Any], names: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    """The items of a list that carry an `index`, in its order; each once, or Malformed."""
    items = next((reply[name] for name in names if isinstance(reply.get(name), list)), None)
    if items is None:
        raise Malformed(f"no list {' or '.join(names)}")
    by_index = {item.get("index"): item for item in items if isinstance(item, dict)}
    if len(items) != count or set(by_index) != set(range(count)):
        raise Malformed(f"{len(items)} results for {count} texts, or their index is missing")
    return [by_index[index] for index in range(count)]
