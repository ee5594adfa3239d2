"""The user's own metrics: `python:FILE.py:NAME`, a function or a class."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from headway.core.catalogue import did_you_mean
from headway.core.errors import HeadwayError, InputError
from headway.core.protocols import Metric, Scored
from headway.core.record import Score

_FORM = "python:FILE.py:NAME, with FILE in the task folder"
_SIGNATURE = "def NAME(example: dict, record: dict) -> float | bool | None"


def load_own(spec: str, folder: Path, where: str | None = None) -> Metric:
    """The user's metric, wrapped so that a crash in it is one InputError.

    A function gets the example and the record as dicts, and may be async; its attributes
    `needs`, `yes_no` and `any_status`, where it has them, are taken over. A class must implement
    Metric.
    Raises InputError where file or name are not there, or the file fails while it is loaded.
    """
    rest = spec.removeprefix("python:")
    path, separator, name = rest.rpartition(":")
    if not separator or not path.endswith(".py") or not name.isidentifier():
        raise InputError(f"the metric {spec!r} does not name a function", where=where, valid=_FORM)
    file = (folder / path).resolve()
    if not file.is_file():
        raise InputError(f"there is no file for the metric {spec!r}", where=str(file), valid=_FORM)
    module = _module(file)
    found = getattr(module, name, None)
    if found is None:
        public = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise InputError(
            f"there is no {name!r} here", where=str(file), valid=did_you_mean(name, public)
        )
    if isinstance(found, type):
        return _guarded(spec, file, *_class(found, file))
    if not callable(found):
        raise InputError(f"{name!r} is not a function", where=str(file), valid=_SIGNATURE)
    return _guarded(spec, file, _function(found), found)


def _module(file: Path) -> ModuleType:
    # Its own name for each path: two tasks may both have a metrics.py.
    name = "headway_own_" + hashlib.sha256(str(file).encode()).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError("this file cannot be loaded", where=str(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a class's module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(_crash("it fails while it is loaded", error, file)) from error
    return module


def _class(kind: type, file: Path) -> tuple[Callable[[Scored], Any], object]:
    try:
        metric = kind()
    except Exception as error:
        raise InputError(_crash(f"{kind.__name__} cannot be made", error, file)) from error
    if not callable(getattr(metric, "score", None)):
        raise InputError(
            f"the class {kind.__name__} is not a metric",
            where=str(file),
            valid="name, needs, yes_no and async score(scored) -> float | None",
        )
    return metric.score, metric


def _function(function: Callable[..., Any]) -> Callable[[Scored], Any]:
    def call(scored: Scored) -> Any:
        # asdict copies, so that a metric cannot change what was measured.
        return function(scored.example.model_dump(mode="json"), asdict(scored.record))

    return call


class _Guarded:
    """A user's metric; a subclass is made for each, as a metric's name is its class's."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    yes_no: ClassVar[bool]

    def __init__(
        self, file: Path, call: Callable[[Scored], Any], own: Callable[[Scored], Any] | None
    ) -> None:
        self._file, self._call, self._own = file, call, own

    def applies(self, scored: Scored) -> bool:
        """What the user's code says; without a word of its own it does. Raises as score()."""
        try:
            return self._own is None or bool(self._own(scored))
        except HeadwayError:
            raise
        except Exception as error:
            raise self._crashed(scored, error) from error

    async def score(self, scored: Scored) -> float | Score | None:
        """What the user's code says. Raises InputError where it crashes or gives no number."""
        try:
            value = self._call(scored)
            if inspect.isawaitable(value):
                value = await value
        except HeadwayError:
            raise
        except Exception as error:
            raise self._crashed(scored, error) from error
        if value is None or isinstance(value, Score):
            return value
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InputError(
                f"{self._about(scored)}: it gave {value!r}",
                where=str(self._file),
                valid="a number from 0 to 1, True, False, or None where it does not apply",
            ) from None

    def _crashed(self, scored: Scored, error: Exception) -> InputError:
        return InputError(_crash(f"{self._about(scored)}: it crashed", error, self._file))

    def _about(self, scored: Scored) -> str:
        return f"metric {self.name!r}, example {scored.example.id!r}"


def _guarded(spec: str, file: Path, call: Callable[[Scored], Any], source: object) -> Metric:
    said = {
        "name": spec,
        "needs": tuple(getattr(source, "needs", ())),
        "yes_no": bool(getattr(source, "yes_no", False)),
        "any_status": bool(getattr(source, "any_status", False)),
    }
    if roles := tuple(getattr(source, "roles", ())):  # only where it asks models
        said["roles"] = roles
    kind: type[_Guarded] = type("Own", (_Guarded,), said)
    return kind(file, call, getattr(source, "applies", None))


def _crash(what: str, error: Exception, file: Path) -> str:
    """One line: where in the user's file, and what."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    if isinstance(error, SyntaxError) and error.lineno:
        lines.append(error.lineno)
    place = f"{file}:{lines[-1]}" if lines else str(file)
    return f"{place}: {what}: {type(error).__name__}: {error}"
