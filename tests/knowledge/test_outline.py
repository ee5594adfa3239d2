"""Sections, headings paths, and the lines above passages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.protocols import Line
from headway.knowledge.lines import LEAD, above, summary
from headway.knowledge.outline import Outline
from headway.knowledge.read import Document

TEXT = """---
title: Boats
---
# Boats

## Mooring
### Night

Hang a lamp up. Then sleep.

### Day
Fly a flag.
## Empty
## Sailing
Go."""


def headed(text: str) -> tuple[tuple[int, int, str], ...]:
    found, at = [], 0
    for line in text.split("\n"):
        marks = len(line) - len(line.lstrip("#"))
        if marks:
            found.append((at, marks, line.lstrip("# ")))
        at += len(line) + 1
    return tuple(found)


BOATS = Document("boats.md", "Boats", TEXT, {}, headed(TEXT))


def test_sections_keep_bare_headings_with_what_they_head() -> None:
    found = [TEXT[a:b].strip() for a, b in Outline(TEXT, BOATS.headings).sections()]
    assert found == [
        "---\ntitle: Boats\n---",
        "# Boats\n\n## Mooring\n### Night\n\nHang a lamp up. Then sleep.",
        "### Day\nFly a flag.",
        "## Empty",
        "## Sailing\nGo.",
    ]


@pytest.mark.parametrize(
    ("at", "path"),
    [
        ("---", ()),
        ("# Boats", ("Mooring", "Night")),
        ("## Mooring", ("Mooring", "Night")),
        ("Hang", ("Mooring", "Night")),
        ("### Day", ("Mooring", "Day")),
        ("Fly", ("Mooring", "Day")),
        ("## Empty", ("Empty",)),
        ("Go.", ("Sailing",)),
    ],
)
def test_paths_are_of_where_a_passage_begins(at: str, path: tuple[str, ...]) -> None:
    outline = Outline(TEXT, BOATS.headings, "Boats")
    assert outline.path(TEXT.index(at), len(TEXT)) == path


def test_a_title_that_is_no_heading_leaves_the_first_heading() -> None:
    outline = Outline(TEXT, BOATS.headings, "Ships")
    assert outline.path(TEXT.index("Fly"), len(TEXT)) == ("Boats", "Mooring", "Day")


def test_an_offset_behind_the_marks_is_the_same_heading() -> None:
    moved = tuple((offset + level + 1, level, name) for offset, level, name in BOATS.headings)
    one, two = Outline(TEXT, BOATS.headings), Outline(TEXT, moved)
    assert one.sections() == two.sections()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("none", ""),
        ("title", "Boats"),
        ("headings", "Boats › Mooring › Day"),
        ("summary", "Boats\nHang a lamp up."),
    ],
)
def test_lines(line: Line, wanted: str) -> None:
    start = TEXT.index("Fly")
    outline = Outline(TEXT, BOATS.headings, "Boats")
    assert above(BOATS, outline, start, len(TEXT), line) == wanted


def test_what_a_passage_begins_with_is_not_said_again() -> None:
    outline = Outline(TEXT, BOATS.headings, "Boats")
    start = TEXT.index("# Boats")
    assert above(BOATS, outline, start, len(TEXT), "title") == ""
    assert above(BOATS, outline, TEXT.index("### Day"), len(TEXT), "headings") == "Boats › Mooring"
    hang = TEXT.index("Hang")
    assert above(BOATS, outline, hang, len(TEXT), "summary") == "Boats"
    assert above(replace(BOATS, title=""), outline, hang, len(TEXT), "title") == ""


def about(text: str, metadata: dict[str, str] | None = None) -> str:
    document = Document("a", "T", text, metadata or {}, headed(text))
    return summary(document, Outline(text, document.headings, "T"))


def test_summaries() -> None:
    assert about(TEXT, {"description": "On\n boats", "abstract": "no"}) == "On boats"
    assert about("# One. Two. Three four five.\n- a list of some things.\n\nAt last\nit says.") == (
        "At last it says."
    )
    assert about("| a | b |\n\nToo short.\n\nNo mark at its end") == ""
    assert about("今天天气很好我们去公园玩吧。明天也去。") == "今天天气很好我们去公园玩吧。"
    assert len(about("word " * 100 + ".").split()) == LEAD
    assert about("") == ""


@given(
    st.lists(st.sampled_from(["# A", "## B", "### C", "", "text here", "  "]), max_size=20),
    st.data(),
)
def test_sections_are_the_whole_text(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    outline = Outline(text, headed(text), "T")
    sections = outline.sections()
    assert "".join(text[a:b] for a, b in sections) == text
    at = data.draw(st.integers(0, len(text)))
    a, b = outline.section(at)
    assert a <= at
    assert at < b or at == len(text) == b
    path = outline.path(at, len(text))
    names = [heading for _, _, heading in headed(text)]
    assert all(name in names for name in path)
    assert list(path) == sorted(path)  # A above B above C, by their levels
