"""HTML: what is shown is read, what is hidden never is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.knowledge.read import read
from headway.knowledge.readers.html import hidden, parse


def test_structure() -> None:
    found = parse(
        "<html><head><title>The &amp; page</title></head><body><h1>Big\n one</h1><p>First<p>Second"
        "<br>line<ul><li>a<li>b<ul><li>c</ul></ul><h2>Code</h2><pre>x = 1\n  y  </pre>"
        "<table><tr><th>Kind<th>Days</tr><tr><td><p>Sick</p><p>leave</p><td>10</table>"
        "<div>after</div><div>that</div></body></html>"
    )
    assert found.title == "The & page"
    assert found.text == (
        "Big one\n\nFirst\n\nSecond\nline\n\na\nb\nc\n\nCode\n\nx = 1\n  y\n\n"
        "Kind | Days\nSick leave | 10\n\nafter\n\nthat"
    )
    assert [(found.text[at:].split("\n")[0], level) for at, level, _ in found.headings] == [
        ("Big one", 1),
        ("Code", 2),
    ]


def test_tables_for_the_layout_are_none() -> None:
    page = "<table><tr><td>menu</td><td><h1>Title</h1><table><tr><td>a<td>b</table>text</table>end"
    assert parse(page).text == "menu\n\nTitle\n\na | b\n\ntext\n\nend"


def test_what_can_be_chosen_stands_apart() -> None:
    page = "<p>Size<select><optgroup label=x><option>small<option>large</select>"
    assert parse(page).text.split() == ["Size", "small", "large"]


@pytest.mark.parametrize(
    "secret",
    [
        "<script>SECRET</script>",
        "<style>SECRET</style>",
        "<template><p>SECRET</p></template>",
        "<noscript>SECRET</noscript>",
        "<!-- SECRET -->",
        "<div hidden>SECRET</div>",
        "<p hidden>SECRET<p>",
        "<ul><li hidden>SECRET<li></ul>",
        '<div style="color:red; DISPLAY : none">a<b>SECRET</b></div>',
        "<span style='visibility:hidden'>SECRET</span>",
        '<div aria-hidden="true"><p>SECRET</p><img></div>',
        "<div hidden><span>SECRET</div>",
        "<div hidden><div>a</div>SECRET</div>",
        "<table><tr hidden><td>SECRET</td></tr></table>",
        "<h2 hidden>SECRET</h2>",
        "<svg><title>SECRET</title><text>SECRET</text></svg>",
        "<dialog>SECRET</dialog>",
        "<input type=hidden value=SECRET>",
        '<p title="SECRET" data-x="SECRET">',
        "<iframe srcdoc='SECRET'>SECRET</iframe>",
        "<?php SECRET ?>",
        "<![CDATA[SECRET]]>",
        '<div style="/**/display:/* */none">SECRET</div>',
    ],
)
def test_what_is_hidden_is_no_text(secret: str) -> None:
    found = parse(f"<h1>Shown</h1><div>before {secret}</div><p>after")
    assert "SECRET" not in found.text + found.title + str(found.headings) + str(found.metadata)
    assert found.text.startswith("Shown\n\nbefore")
    assert found.text.endswith("after")


def test_a_comment_without_an_end() -> None:
    assert parse("<p>shown</p><!-- SECRET <p>SECRET").text == "shown"
    assert parse("<script><!-- x </script><p>shown</p>").text == "shown"


def test_hidden_text_is_known_apart() -> None:
    page = "<p>shown<div hidden>one <b>two</b></div><script>code</script><!-- three --><!-- four"
    assert hidden(page).split() == ["one", "two", "three", "four"]


def test_metadata(tmp_path: Path) -> None:
    page = (
        "<html><head><meta charset=utf-8><meta name=Author content='Ann'>"
        "<meta property='article:published_time' content='2025-02-03T10:00:00Z'>"
        "<meta name=description content='What  it is'><meta name=viewport content=x></head>"
        "<body><h1>T</h1><p>Status: in force</p></body></html>"
    )
    (tmp_path / "a.html").write_text(page)
    (tmp_path / "b.html").write_text("<h1>T</h1>Effective: 1 May 2024")
    found = read(tmp_path).by_name
    assert found["a.html"].metadata == {
        "folder": "",
        "format": "html",
        "author": "Ann",
        "description": "What it is",
        "status": "in force",
        "date": "2025-02-03",
    }
    assert found["b.html"].metadata["date"] == "2024-05-01"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("<meta charset='iso-8859-1'>", "cp1252"),
        ("<meta http-equiv=Content-Type content='text/html; charset=windows-1252'>", "cp1252"),
        ("<?xml version='1.0' encoding='ISO-8859-15'?>", "iso8859-15"),
        ("<meta charset=latin-1>", "utf-8-sig"),
        ("<meta charset=utf-16>", "utf-8"),
        ("<!-- <meta charset=latin-1> -->", "utf-8"),
    ],
)
def test_charsets(tmp_path: Path, head: str, encoding: str) -> None:
    (tmp_path / "a.html").write_bytes(f"{head}<p>Grüße für 5".encode(encoding))
    assert read(tmp_path).by_name["a.html"].text == "Grüße für 5"


def test_chinese_charset(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes("<meta charset=gb2312><p>你好".encode("gbk"))
    assert read(tmp_path).by_name["a.html"].text == "你好"


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("<p>Grüße".encode("latin-1"), "it is not UTF-8 (byte 5): save it as UTF-8"),
        ("<meta charset=utf-8><p>ü".encode("latin-1"), "it is not UTF-8"),
        (b"<meta charset=klingon><p>x", "its charset 'klingon' is not known"),
        (b"<meta charset=rot13><p>x", "its charset 'rot13' is not known"),
        (b"<meta charset=unicode_escape><p>x", "is not known"),
        (b"<p hidden>x", "it is empty"),
        (b"\x89PNG\0", "it is not"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, page: bytes, why: str) -> None:
    (tmp_path / "a.html").write_bytes(page)
    (tmp_path / "good.md").write_text("x")
    (notice,) = read(tmp_path).notices
    assert notice.startswith("a.html: passed over, ")
    assert why in notice


TAGS = ["p", "div", "b", "h1", "h2", "table", "tr", "td", "ul", "li", "pre", "section", "br"]


@given(
    st.lists(
        st.one_of(
            st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
            st.text(alphabet="ab \n&<", max_size=5),
            st.just("<div hidden>SECRET</div>"),
            st.just("<!--SECRET-->"),
        ),
        max_size=30,
    )
)
def test_any_soup(parts: list[str]) -> None:
    found = parse("".join(parts))
    last = -1
    for at, level, heading in found.headings:
        assert at > last
        assert 1 <= level <= 2
        assert found.text[at : at + len(heading)] == heading
        assert at == 0 or found.text[at - 1] == "\n"
        last = at
    if not any("<" in part for part in parts if part[:1] != "<" or part == "<"):
        assert "SECRET" not in found.text


@pytest.mark.parametrize(
    "page",
    ["<div>" * 200_000, "<b hidden>" * 100_000, "<table><tr><td>" * 50_000, "<p>x" * 100_000,
     "<li>" * 100_000, "</p>" * 100_000, "<!-- x " * 50_000, "<a b=" * 50_000,
     "<a b=" * 50_000 + ">", "&" * 200_000],
    ids=lambda page: page[:8],
)  # fmt: skip
def test_hostile_depth_costs_seconds_at_most(page: str) -> None:
    begin = time.monotonic()
    parse(page)
    assert time.monotonic() - begin < 10
