"""Calls the user's own application: a function in a file, or a URL.

`answer(inputs, *, context=None, settings=None) -> {"answer", "passages"?, "usage"?, "refused"?}`,
plain or async; over HTTP the same as a JSON object, posted. `context` given means: use these
passages instead of searching. What comes back is checked, never trusted.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from headway.core.errors import InputError, Outage, Rejected
from headway.core.record import ApplicationReply, Passage
from headway.core.task import Task

FORM = '{"answer": ..., "passages"?: [texts], "usage"?: {...}, "refused"?: true}'


class Application:
    """One application; `call()` may be used concurrently as far as the application allows it."""

    def __init__(self, target: str, function: Callable[..., Any] | None, identity: str) -> None:
        self.target = target
        self.identity = identity
        self._function = function
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def open(cls, task: Task) -> Application:
        """Load the function or note the URL. Raises InputError naming file and function."""
        target = task.spec.application
        if not target:
            raise InputError(
                "the task names no application",
                where=str(task.folder / "task.yaml"),
                valid="application: app.py:answer, or a URL",
            )
        if target.startswith(("http://", "https://")):
            return cls(target, None, target)
        name, _, attribute = target.partition(":")
        file = task.folder / name
        function = load_function(file, attribute or "answer", "application")
        # Any Python file of the task may be imported by it, so all of them are its identity.
        code = hashlib.sha256()
        for source in sorted(task.folder.rglob("*.py")):
            if ".headway" not in source.parts:
                code.update(source.relative_to(task.folder).as_posix().encode())
                code.update(source.read_bytes())
        return cls(target, function, f"{target}@{code.hexdigest()[:16]}")

    async def call(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> ApplicationReply:
        """One answer. Raises Outage where it crashed or did not answer in form."""
        start = time.perf_counter()
        try:
            if self._function is None:
                answered = await self._post(inputs, context, settings)
            elif inspect.iscoroutinefunction(self._function):
                answered = await self._function(
                    deepcopy(dict(inputs)), context=context, settings=settings
                )
            else:
                function = self._function
                answered = await asyncio.to_thread(
                    lambda: function(deepcopy(dict(inputs)), context=context, settings=settings)
                )
                if inspect.isawaitable(answered):  # behind a decorator, or of a callable object
                    answered = await answered
        except (Outage, Rejected, asyncio.CancelledError):
            raise
        except Exception as error:
            raise Outage(
                f"the application raised {type(error).__name__}: {str(error)[:200]}",
                where=self.target,
            ) from error
        return read_answer(answered, self.target, time.perf_counter() - start)

    async def _post(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        body = {"inputs": dict(inputs), "context": context, "settings": settings}
        try:
            async with self._session.post(self.target, json=body) as response:
                if response.status in (401, 403, 404):
                    raise Rejected(f"answered {response.status}", where=self.target)
                if response.status != 200:
                    raise Outage(f"answered {response.status}", where=self.target)
                return await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Outage(
                f"did not answer: {type(error).__name__}: {error}", where=self.target
            ) from error

    async def close(self) -> None:
        """Close the connection, where there is one."""
        if self._session is not None:
            await self._session.close()


def read_answer(answered: Any, where: str, latency_s: float) -> ApplicationReply:
    """What an application returned, as a reply. Raises Outage where the form is wrong."""
    try:
        return _read(answered, where, latency_s)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Outage(
            f"the application's answer is not in form: {error}", where=where, valid=FORM
        ) from None


def _read(answered: Any, where: str, latency_s: float) -> ApplicationReply:
    if not isinstance(answered, Mapping) or "answer" not in answered:
        raise Outage(f"the application returned {str(answered)[:80]!r}", where=where, valid=FORM)
    shown = answered.get("passages")
    passages: tuple[Passage, ...] | None = None
    if shown is not None:
        if not isinstance(shown, Sequence) or isinstance(shown, str):
            raise Outage("the application's passages are not a list", where=where, valid=FORM)
        passages = tuple(_passage(item, number) for number, item in enumerate(shown))
    usage = answered.get("usage") or {}
    usd = usage.get("usd")
    reply = ApplicationReply(
        answer=answered["answer"],
        passages=passages,
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
        usd=float(usd) if usd is not None else None,
        refused=bool(answered.get("refused", False)),
        latency_s=latency_s,
    )
    orjson.dumps(asdict(reply))  # so that it can be kept
    return reply


def _passage(item: Any, number: int) -> Passage:
    if isinstance(item, Mapping):
        text = str(item.get("text", ""))
        start = int(item.get("start") or 0)
        return Passage(
            document=str(item.get("document", f"passage {number + 1}")),
            text=text,
            start=start,
            end=int(item.get("end") or start + len(text)),
            title=str(item.get("title") or ""),
        )
    return Passage(document=f"passage {number + 1}", text=str(item), end=len(str(item)))


def load_function(file: Path, name: str, kind: str) -> Callable[..., Any]:
    """A function of a Python file. Raises InputError naming the file and what it does hold."""
    if not file.is_file():
        raise InputError(f"the {kind}'s file is not there", where=str(file))
    module_name = f"headway_user_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(file.parent))  # so that it can import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(
            f"cannot be imported: {type(error).__name__}: {error}", where=str(file)
        ) from error
    finally:
        sys.path.remove(str(file.parent))
    function = getattr(module, name, None)
    if not callable(function):
        found = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise InputError(
            f"there is no function {name!r}", where=str(file), valid=", ".join(found) or None
        )
    return function  # type: ignore[no-any-return]
