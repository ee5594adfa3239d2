"""Markdown and text: headings, front matter, and what the first lines state."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from headway.knowledge.read import read
from headway.knowledge.readers.markdown import headings_of, markdown, plain
from headway.knowledge.readers.metadata import dated, iso_date, stated

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook" / "knowledge"


def test_headings() -> None:
    text = """# One #
Two
===
    # code
```sh
# a remark
```
<!--
# left out
-->
### C#

Three
---
- item
---
#tag
~~~
# open to the end
"""
    found = list(headings_of(text))
    assert [(level, heading) for _, level, heading in found] == [
        (1, "One"), (1, "Two"), (3, "C#"), (2, "Three")
    ]  # fmt: skip
    assert [text[at:].split("\n")[0] for at, _, _ in found] == ["# One #", "Two", "### C#", "Three"]


def test_windows_lines() -> None:
    text = "# One\r\n\r\nTwo\r\n---\r\nx\r\n```\r\n# no\r\n```\r\n## Three ##\r\n"
    found = list(headings_of(text))
    assert [heading for _, _, heading in found] == ["One", "Two", "Three"]
    assert [text[at : at + 3] for at, _, _ in found] == ["# O", "Two", "## "]


LINES = st.sampled_from(
    ["# one", "## two ##", "### C#", "#", "#none", "words", "more words", "", "", "===", "---",
     "```", "~~~", "    # code", "- item", "a `b` c", " # indented", "####### seven"]
)  # fmt: skip


@given(st.lists(LINES, max_size=14), st.sampled_from(["\n", "\r\n"]), st.text(max_size=8))
def test_offsets_point_at_headings(lines: list[str], end: str, rest: str) -> None:
    text = end.join([*lines, rest])
    found = markdown(text).headings
    assert list(found) == sorted(found)
    for at, level, heading in found:
        assert at == 0 or text[at - 1] == "\n"
        line = text[at:].split("\n")[0]
        assert heading in " ".join(line.split())
        if line.lstrip().startswith("#"):
            assert line.lstrip().startswith("#" * level + " ")


@given(st.lists(LINES.filter(lambda line: not line.startswith(("-", "=", "    "))), max_size=14))
def test_marked_headings_are_those_of_commonmark(lines: list[str]) -> None:
    text = "\n".join(lines)
    tokens = MarkdownIt("commonmark").parse(text)
    wanted = [
        (token.map[0], int(token.tag[1]), inline.content)
        for token, inline in pairwise(tokens)
        if token.type == "heading_open" and token.map and inline.content
    ]
    found = [(text.count("\n", 0, at), level, said) for at, level, said in headings_of(text)]
    assert found == wanted


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parsed = markdown(text)
    assert parsed.text == text
    assert plain(text).text == text
    assert all(0 <= at < len(text) for at, _, _ in parsed.headings)
    assert all("\n" not in value for value in parsed.metadata.values())


def test_front_matter(tmp_path: Path) -> None:
    text = (
        "---\ntitle: A: B\nVersion: 1.10\nLast updated: 2025-03-04 10:00\ndraft: yes\nnothing:\n"
        "tags: [x, y]\ndeep: {a: 1}\nauthor: |\n  Ann\n  Bo\nfolder: mine\n---\n# Heading\n"
    )
    (tmp_path / "a.md").write_text(text)
    (tmp_path / "b.md").write_text(text.replace("title: A: B", "title: B"))
    found = read(tmp_path).by_name
    assert found["a.md"].title == "Heading"  # its YAML is broken
    assert found["a.md"].text == text
    assert found["b.md"].title == "B"
    assert found["b.md"].metadata == {
        "folder": "",
        "format": "md",
        "version": "1.10",
        "last_updated": "2025-03-04 10:00",
        "date": "2025-03-04",
        "draft": "yes",
        "tags": "x, y",
        "author": "Ann Bo",
    }


@pytest.mark.parametrize(
    "front",
    ["- a\n- b", "just words", "a: *b", "[" * 3000, "a: &a [*a]", "? {x: 1}\n: y", "\ud800: x"],
)
def test_odd_front_matter_does_no_harm(front: str) -> None:
    assert markdown(f"---\n{front}\n---\n# Title\n").title == "Title"


def test_yaml_that_would_grow_is_not_grown() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert markdown("---\n" + "\n".join(rows) + "\n---\n").metadata == {
        "a0": "x, x, x, x, x, x, x, x, x"
    }


def test_the_handbook_states_when_it_holds() -> None:
    found = read(HANDBOOK).by_name
    with_dates = [d for d in found.values() if "date" in d.metadata]
    assert len(with_dates) > 80
    assert all(d.metadata["effective"] == d.metadata["date"] for d in with_dates)
    stati = {d.metadata.get("status", "") for d in found.values()}
    assert "in force" in stati
    assert "superseded by the 2026 version" in stati


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Effective: 2025-01-01. Status: superseded by the 2026 version.",
         {"effective": "2025-01-01", "status": "superseded by the 2026 version"}),
        ("**Status:** in force. Replaces the 2025 version.", {"status": "in force"}),
        ("Author: J. R. Smith | Version: 2.0", {"author": "J. R. Smith", "version": "2.0"}),
        ("- Last updated: March 3rd, 2025", {"updated": "2025-03-03"}),
        ("Gültig ab: 1. März 2025. Kategorie: Reisen",
         {"effective": "2025-03-01", "category": "Reisen"}),
        ("生效日期：2025年1月2日 状态：有效", {"effective": "2025-01-02"}),
        ("Summer holidays: the whole of July", {}),
        ("The status: unknown", {}),
        ("Status", {}),
        ("type://x", {}),
        ("Status: " + "x" * 400, {}),
    ],
)  # fmt: skip
def test_what_a_line_states(line: str, wanted: dict[str, str]) -> None:
    assert stated(line) == wanted


def test_only_the_first_lines_state_something() -> None:
    assert markdown("# T\n\na\n\nb\nc\nd\nStatus: fifth\n").metadata == {"status": "fifth"}
    assert markdown("# T\n\na\n\nb\nc\nd\ne\nStatus: sixth\n").metadata == {}
    assert markdown("# T\na\n## U\nStatus: of another part\n").metadata == {}
    assert markdown("T\n=\nStatus: on\n").metadata == {"status": "on"}
    assert plain("My letter\nDate: 3 May 2024\n").metadata == {"date": "2024-05-03"}
    assert plain("Date: 3 May 2024\nDear all").metadata == {"date": "2024-05-03"}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2025-01-31", "2025-01-31"),
        ("2025/1/3", "2025-01-03"),
        ("2025-01-31T10:00:00+02:00", "2025-01-31"),
        ("20250131", "2025-01-31"),
        ("D:20250131120000+01'00'", "2025-01-31"),
        ("31.1.2025", "2025-01-31"),
        ("Fri, 31 Jan 2025 10:00:00 GMT", "2025-01-31"),
        ("31. Januar 2025", "2025-01-31"),
        ("Jan 31, 2025", "2025-01-31"),
        ("2025年1月31日", "2025-01-31"),
        ("2025-02-30", ""),
        ("01/02/2025", ""),
        ("2025-03", ""),
        ("202501311", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_dates(said: str, wanted: str) -> None:
    assert iso_date(said) == wanted


def test_which_date_counts() -> None:
    assert dated({"date": "2024-01-01", "updated": "2025-01-01"})["date"] == "2024-01-01"
    assert dated({"date": "soon", "updated": "2025-01-01"})["date"] == "2025-01-01"
    assert dated({"date": "soon"}) == {}
    assert dated({"status": "x"}, otherwise="2020-01-01")["date"] == "2020-01-01"
