"""One call over HTTP to a service: retries, adaptive concurrency, plain errors. It knows nothing of
what is asked.

aiohttp, not a vendor's client: at 64 calls in flight a bare call of the former costs less than a
tenth of the latter's CPU time, and thousands of calls are what this product does (figures in
bench/overhead).

What is asked again, and what is not:

    429, 408, 409, 425, 5xx, no connection,    again, `retries` times, then Outage
    timeout, a reply that cannot be read
    a prompt beyond the context; 413           TooLong at once: other requests may fit
    any other 3xx or 4xx; 429 for want of      Rejected at once, with what to do about it
    quota (no wait refills an account)

Waits are full jitter over an exponential bound, or what Retry-After says if that is longer.
Calls in flight adapt to 429s: halved at most once a round trip, one more after each window of
successes. A call that waits to be repeated gives its place away and comes back before new ones.

Keys stand in a header of a session and in one private field, and nowhere else: not in identity,
messages, repr or logs; a server's words are stripped of them before quoting.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from headway.core.errors import InputError, Outage, Rejected, TooLong
from headway.models.service import Service

Read = TypeVar("Read")

AGAIN = frozenset({408, 409, 425, 429})
LONGEST_WAIT_S = 60.0
"""The most that is waited before one repeat, whatever Retry-After says."""
SPENT = frozenset(
    {"insufficient_quota", "enforced_spend_limit_reached", "contract_spend_limit_reached"}
)
"""Codes of a 429 that no wait mends."""
BEYOND = re.compile(
    r"context[ _](length|limit|window|size)|(prompt|input|request) (is )?too (long|large)"
    r"|too many (input |prompt )?tokens|reduce the length of the (messages|prompt)",
    re.IGNORECASE,
)
"""What services call a prompt that does not fit, in a 400."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CONNECT_S = 10.0
IDLE_CONNECTION_S = 4.0
"""Shorter than uvicorn's 5 s, so that a server never closes a connection as we write to it."""


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


def bearer(key: str) -> Mapping[str, str]:
    """The header by which most services take a key."""
    return {"Authorization": f"Bearer {key}"}


class Wire:
    """POST of JSON to one service, with retries, adaptive concurrency and plain errors."""

    def __init__(
        self,
        service: Service,
        *,
        backoff_s: float = 0.5,
        keyed: Callable[[str], Mapping[str, str]] = bearer,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """keyed: the headers that carry a key. headers: sent with every request; those that the
        endpoint names in task.yaml go before them."""
        endpoint = service.endpoint
        self.service = service
        self._keyed, self._headers = keyed, dict(headers or {})
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
        headers = CIMultiDict({"Content-Type": "application/json", "User-Agent": "headway"})
        headers.update(self._headers)
        if self.service.key is not None:
            headers.update(self._keyed(self.service.key))
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

        read raises Malformed for a reply that is not one. Raises EndpointRejected, EndpointOutage
        or TooLong.
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
        """Return if the call is worth repeating, else raise Rejected or TooLong; learn from a
        429."""
        status = failed.status
        assert status is not None
        code, param, said = self._said(failed.body)
        if status == 429 and code not in SPENT:
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
        if status == 413 or (status == 400 and (BEYOND.search(said) or BEYOND.search(code or ""))):
            raise TooLong(
                f"{what}: {said}" if said else what,
                do="fewer or shorter passages, files or turns; or a model that reads more",
            )
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
                details = error.get("details")
                inner = details.get("error_code") if isinstance(details, dict) else None
                code = inner or error.get("code") or error.get("type")
                param = error.get("param")
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


def written(data: Mapping[str, Any]) -> bytes:
    """A body as JSON. Raises Rejected for what JSON cannot hold."""
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


def estimated(text: str) -> int:
    """Tokens of a text where no tokenizer is known: a quarter of its UTF-8 bytes."""
    # About 4 letters a token in English; the bytes count Chinese and Cyrillic as dearer, as
    # tokenizers do.
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-size // 4)
