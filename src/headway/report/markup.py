"""HTML and SVG as text, escaped by construction.

`el` escapes every child and every attribute that is not already `Html`, so a text that a model or
a document wrote cannot become markup by being forgotten.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from headway.report.words import visible


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | int | None
VOID = frozenset({"meta", "br", "circle", "line", "rect", "path", "col"})


def el(name: str, /, *inside: Child, **attributes: str | float | None) -> Html:
    """One element. `class_` is written class, `stroke_width` stroke-width; None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{join(inside)}</{name}>")


def join(parts: Iterable[Child]) -> Html:
    """Children one after the other, texts escaped, None left out."""
    return Html("".join(_child(part) for part in parts if part is not None))


def _child(part: str | int) -> str:
    return part if isinstance(part, Html) else html.escape(visible(str(part)))


def _value(value: str | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
