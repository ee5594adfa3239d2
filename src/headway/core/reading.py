"""What people write, as frozen data: one clear message for what is wrong in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from headway.core.errors import InputError

Parsed = TypeVar("Parsed", bound=BaseModel)


class Frozen(BaseModel):
    """Base of all that people write: unknown fields are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse(kind: type[Parsed], data: Any, where: str) -> Parsed:
    """Data as one of our kinds. Raises InputError with the place and what is valid."""
    if not isinstance(data, dict):
        raise InputError(f"expected fields by name, found {type(data).__name__}", where=where)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise invalid(error, kind, where) from None


def invalid(error: ValidationError, kind: type[BaseModel], where: str) -> InputError:
    """The first problem of a validation, in our words; the count of the others."""
    problems = error.errors(include_url=False)
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"])
    valid = None
    if first["type"] == "extra_forbidden":
        owner = _owner(kind, first["loc"][:-1])
        valid = ", ".join(owner.model_fields) if owner else None
        what = f"unknown field {field!r}"
    elif first["type"] == "missing":
        what = f"the field {field!r} is missing"
    else:
        found = repr(first.get("input"))
        found = found if len(found) <= 60 else found[:57] + "..."
        what = f"{field + ': ' if field else ''}{first['msg'].removeprefix('Value error, ')}"
        what += f" (found {found})" if field else ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return InputError(what + more, where=where, valid=valid)


def _owner(kind: type[BaseModel], path: Iterable[Any]) -> type[BaseModel] | None:
    owner: Any = kind
    for part in path:
        if isinstance(part, int):
            continue
        found = owner.model_fields.get(part) if hasattr(owner, "model_fields") else None
        if found is None:
            return None
        kinds = [found.annotation, *getattr(found.annotation, "__args__", ())]
        owner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if owner is None:
            return None
    return owner if isinstance(owner, type) and issubclass(owner, BaseModel) else None
