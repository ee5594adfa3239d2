"""HTML: what a browser would show, as paragraphs, with a table's row on one line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from headway.knowledge.readers.metadata import dated, flat, iso_date, stated
from headway.knowledge.readers.parsed import (
    Lines,
    Parsed,
    Unreadable,
    clean,
    contents,
    decode,
    one_line,
)

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _HEADINGS | {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"),
    *("dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form"),
    *("header", "hr", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p"),
    *(
        "pre",
        "search",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ),
}
_VOID = frozenset(
    {
        *("area", "base", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta"),
        *("param", "source", "track", "wbr"),
    }
)
# Never text: code, what is shown only in some cases, and pictures.
_CODE = frozenset({"script", "style"})
_UNSEEN = _CODE | {
    *("template", "noscript", "iframe", "object", "svg", "canvas", "audio", "video", "datalist"),
}
_LISTS = frozenset({"ul", "ol", "menu", "dir", "dl"})
_CELLS = frozenset({"td", "th"})
# In a cell of these, a table is there for the layout: its cells are no row.
_LAYOUT = _HEADINGS | {"table", "article", "section", "main", "pre", "hr", "form"}
# What an element closes that was left open, and what that stops at.
_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_IMPLIED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li"}), _LISTS),
    "dt": (frozenset({"dt", "dd"}), _LISTS),
    "dd": (frozenset({"dt", "dd"}), _LISTS),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    "td": (_CELLS, frozenset({"tr", "table"})),
    "th": (_CELLS, frozenset({"tr", "table"})),
    "option": (frozenset({"option"}), frozenset({"select", "datalist"})),
    "body": (frozenset({"head"}), frozenset()),
    **{tag: (_GROUPS, frozenset({"table"})) for tag in _GROUPS},
    **{tag: (_HEADINGS, _BLOCKS - _HEADINGS) for tag in _HEADINGS},
}
_PARAGRAPH = (frozenset({"p"}), _CELLS | {"caption", "button", "object", "table"})
_HIDING = re.compile(
    r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE
)

_NAMED = ("author", "description", "keywords")
_DATES = (
    *("article:modified_time", "dcterms.modified", "dc.date.modified", "last-modified"),
    *("og:updated_time", "date", "dcterms.date", "dc.date", "article:published_time"),
    *("dcterms.issued", "dc.date.issued", "dcterms.created", "dc.date.created", "pubdate"),
)
_DECLARED = re.compile(
    rb"""\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)"""
    rb"""|<meta\s[^>]{0,400}?charset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_XHTML = re.compile(r"\s*<\?xml\s|\s*<!doctype[^>]{0,200}xhtml", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_HEAD = 4096  # bytes in which a charset is looked for


def read(file: Path) -> Parsed:
    """One HTML file. Raises Unreadable."""
    return parse(source(file))


def source(file: Path) -> str:
    """The markup, by the charset that it declares."""
    data = contents(file)
    found = _DECLARED.search(_COMMENT.sub(b"", data[:_HEAD]))
    return decode(data, (found[1] or found[2]).decode("ascii", "ignore") if found else "")


def parse(markup: str) -> Parsed:
    """Text, title, headings and metadata of markup."""
    page = _page(markup)
    headings = tuple(page.lines.headings)
    text = page.lines.text
    title = one_line("".join(page.title)) or (headings[0][2] if headings else "")
    below = headings[0][0] + len(headings[0][2]) if headings and not headings[0][0] else 0
    days = (iso_date(page.meta[name]) for name in _DATES if name in page.meta)
    named = flat({name: page.meta.get(name, "") for name in _NAMED})
    metadata = {**stated(text, below), **named}
    day = next(filter(None, days), "")
    return Parsed(title, text, dated({**metadata, "date": day} if day else metadata), headings)


def hidden(markup: str) -> str:
    """What of the markup is text that a browser does not show: hidden elements and comments."""
    return one_line(" ".join(_page(markup).concealed))


def _page(markup: str) -> _Page:
    # Neither a comment nor a tag without an end is text; the parser would take them for it, in a
    # time that grows with the square of their number.
    rest = ""
    closed = max((found.end() for found in re.finditer(r"--!?>", markup)), default=0)
    begin = markup.find("<!--", closed)
    if begin >= 0 and "</script" not in markup[begin:].lower():
        markup, rest = markup[:begin], markup[begin + 4 :]
    ended = markup.rfind(">") + 1
    tag = re.compile(r"<[a-zA-Z/!?]").search(markup, ended)
    if tag:
        markup = markup[: tag.start()]
    page = _Page(xhtml=bool(_XHTML.match(markup)))
    try:
        page.feed(markup)
        page.close()
    except (AssertionError, RecursionError, ValueError) as error:
        raise Unreadable(f"its HTML cannot be read ({one_line(str(error))[:80]})") from None
    page.flush()
    page.concealed.append(rest)
    return page


@dataclass
class _Table:
    group: int
    layout: bool = False
    cell: bool = False
    cells: list[str] = field(default_factory=list)


class _Page(HTMLParser):
    """Visible text. Open elements are a stack, as what hides one hides all within it."""

    def __init__(self, xhtml: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        self._xhtml = xhtml
        self.lines = Lines()
        self.title: list[str] = []
        self.meta: dict[str, str] = {}
        self.concealed: list[str] = []
        self._stack: list[tuple[str, bool]] = []
        self._count: Counter[str] = Counter()
        self._hidden = 0
        self._line: list[str] = []
        self._tables: list[_Table] = []
        self._level = 0
        self._group = 0

    # --- what the parser calls -----------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}  # the first one counts
        if tag in _IMPLIED:
            self._imply(*_IMPLIED[tag])
        if tag in _BLOCKS:
            self._imply(*_PARAGRAPH)
        if tag == "meta":
            self._told(given)
        if tag not in _VOID:
            hides = tag in _UNSEEN or _hides(tag, given)
            self._stack.append((tag, hides))
            self._count[tag] += 1
            self._hidden += hides
        if not self._hidden:
            self._begin(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        # In HTML the slash of <div/> closes nothing.
        if tag not in _VOID and (self._xhtml or tag in ("svg", "math")):
            self._pop()

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self.handle_starttag("br", [])
        if self._count[tag]:
            while self._pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._hidden:
            if not any(self._count[tag] for tag in _CODE):
                self.concealed.append(data)
        elif self._count["title"]:
            self.title.append(data)
        else:
            self._line.append(data)

    def handle_comment(self, data: str) -> None:
        self.concealed.append(data)

    # --- elements -------------------------------------------------------------------------

    def _imply(self, closes: frozenset[str], stops: frozenset[str]) -> None:
        if not any(self._count[tag] for tag in closes):
            return
        for depth in range(len(self._stack) - 1, -1, -1):
            tag = self._stack[depth][0]
            if tag in closes:
                while len(self._stack) > depth:
                    self._pop()
                return
            if tag in stops:
                return

    def _pop(self) -> str:
        tag, hides = self._stack.pop()
        if not self._hidden:
            self._end(tag)
        self._count[tag] -= 1
        self._hidden -= hides
        return tag

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        table = self._tables[-1] if self._tables else None
        if table is not None and table.cell and tag in _LAYOUT:
            self._lay_out(table)
        if tag == "br":
            self._break()
        if tag not in _BLOCKS:
            return
        self._boundary(tag)
        if tag == "table":
            self._tables.append(_Table(self._group, given.get("role") in ("presentation", "none")))
        elif tag in _CELLS and table is not None and not table.layout:
            table.cell = True
        elif tag in _HEADINGS:
            self._level = int(tag[1])

    def _end(self, tag: str) -> None:
        if tag not in _BLOCKS:
            return
        table = self._tables[-1] if self._tables else None
        if table is not None and table.cell and tag in _CELLS:
            table.cells.append(one_line("".join(self._line)))
            table.cell = False
            self._line.clear()
            return
        self._boundary(tag)
        if table is not None and tag in ("tr", "table"):
            self.lines.add(_row(table.cells), group=("table", table.group))
            table.cells.clear()
        if tag == "table" and self._tables:
            self._tables.pop()
        if tag in _HEADINGS:
            self._level = 0

    def _lay_out(self, table: _Table) -> None:
        """A table turns out to be there for the layout: its cells so far are paragraphs."""
        for cell in table.cells:
            self.lines.add(cell)
        table.cells.clear()
        table.layout, table.cell = True, False
        self.flush()

    # --- text ------------------------------------------------------------------------------

    def _boundary(self, tag: str) -> None:
        """A block begins or ends; in a cell of a row it is a space."""
        if self._tables and self._tables[-1].cell:
            self._line.append(" ")
            return
        self.flush()
        inner = tag in _LISTS and sum(self._count[name] for name in _LISTS) > 1
        if tag not in ("li", "dt", "dd", "tr") and not inner:
            self._group += 1

    def _break(self) -> None:
        if self._level or (self._tables and self._tables[-1].cell):
            self._line.append(" ")
        elif self._count["pre"]:
            self._line.append("\n")
        else:
            self.flush()

    def flush(self) -> None:
        """What was gathered is a paragraph."""
        text = "".join(self._line)
        self._line.clear()
        if self._count["pre"]:
            text = "\n".join(line.rstrip() for line in clean(text).split("\n")).strip("\n")
        else:
            text = one_line(text)
        self.lines.add(text, level=self._level, group=self._group)

    def _told(self, given: dict[str, str]) -> None:
        name = given.get("name") or given.get("property") or given.get("http-equiv") or ""
        content = given.get("content", "").strip()
        if content:
            self.meta.setdefault(name.strip().lower(), content)


def _hides(tag: str, given: dict[str, str]) -> bool:
    return (
        "hidden" in given
        or given.get("aria-hidden", "").strip().lower() == "true"
        or (tag == "dialog" and "open" not in given)
        or bool(_HIDING.search(re.sub(r"/\*.*?\*/", "", given.get("style", ""))))
    )


def _row(cells: list[str]) -> str:
    return " | ".join(cells) if any(cells) else ""
