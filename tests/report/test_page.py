from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from headway.core.findings import Axes, Spent
from headway.report import charts, render
from headway.report.markup import Html, el

VOID = {"meta", "br", "circle", "line", "rect", "path"}


class Reader(HTMLParser):
    """Checks that elements nest, and keeps what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def page(made: ModuleType) -> str:
    before, after = made.pipelines()
    return render(
        made.journey(notices=(made.EVIL,)),
        task_name="handbook " + made.EVIL,
        description=made.EVIL,
        baseline=before,
        best=after,
        saved="handbook/pipelines/best.yaml",
    )


def test_it_needs_nothing_else(page: str) -> None:
    assert not re.search(r"""(src|href|action)\s*=|@import|url\(|<link|<script|<iframe""", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}


def test_what_a_model_or_a_document_wrote_is_escaped(page: str, made: ModuleType) -> None:
    reader = read(page)
    assert "script" not in [tag for tag, _ in reader.tags]
    assert reader.text.count('<script>alert("x")</script>') >= 8
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in page


def test_attributes_are_escaped_too() -> None:
    assert el("p", "x", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;">x</p>'
    assert el("p", Html("<b>x</b>"), None, "<b>") == "<p><b>x</b>&lt;b&gt;</p>"


def test_it_holds_all_that_a_reader_needs(page: str) -> None:
    text = read(page).text
    for said in (
        "0.424 (0.330 to 0.520) to 0.649",
        "+0.225 (+0.120 to +0.330), proven better",
        "The sealed test was opened 2 times.",
        "Context holds it back",
        "hybrid",
        "needs unmet: train holds 41 examples",
        "too slow: latency p95 is 3.1 s",
        "98% interval",
        "worse",
        "price not known",
        "1,962",
        "handbook/pipelines/best.yaml",
        "by: hybrid",
        "- Answer from these.",
        "+ Answer in one phrase.",
        "What the verdicts assume",
        "Leading, but not proven",
        "headway 0.",
        "ranked too low",
        "How many days of leave",
        "How far the evidence comes",
        "Most is lost on the way to 'found in 100': 21 of 90.",
        "context precision",
        "0.544 (0.440 to 0.640)",
        "evidence middle",
        "What was at fault",
        "search at fault, answer faithful",
        "rerank has it at place 7 and keeps 4",
    ):
        assert said in text, said


def test_the_funnel_is_a_bar_a_stage(page: str, made: ModuleType) -> None:
    table = page.split('class="funnel"', 1)[1].split("</table>", 1)[0]
    widths = [
        float(w) for w in re.findall(r'width="([\d.]+)" height="12" class="bar-context"', table)
    ]
    assert widths == pytest.approx([200 * many / 90 for many in made.FUNNEL.values()], abs=0.1)
    assert re.findall(r"−(\d+)", table) == ["6", "21", "8", "6", "7"]


def test_it_can_be_heard_and_found(page: str) -> None:
    reader = read(page)
    pictures = [attrs for tag, attrs in reader.tags if tag == "svg"]
    assert pictures
    assert all(p.get("aria-label") or p.get("aria-hidden") == "true" for p in pictures)
    assert "Context 0.531" in page.split('aria-label="The map', 1)[1][:80]
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attrs.get("scope") == "col" for tag, attrs in reader.tags if tag == "th")
    tables = [tag for tag, _ in reader.tags if tag == "table"]
    assert len(tables) == len([tag for tag, _ in reader.tags if tag == "caption"])
    names = [attrs["id"] for _, attrs in reader.tags if attrs.get("id")]
    assert len(names) == len(set(names))
    assert {a["aria-labelledby"] for _, a in reader.tags if "aria-labelledby" in a} <= set(names)


def test_more_than_five_openings_are_called_worn(made: ModuleType) -> None:
    test = made.journey().test.model_copy(update={"openings": 6})
    assert "worn" in read(render(made.journey(test=test), task_name="t")).text
    assert "worn" not in read(render(made.journey(), task_name="t")).text


def variants(made: ModuleType) -> list[Any]:
    same = made.journey().baseline
    return [
        made.journey(best=same, test=None, leading=None),
        made.journey(steps=(), diagnosis=None, baseline_run=None, test=None, best=same),
        made.journey(diagnosis=made.diagnosis(map=Axes(), perfect_context=None, failures=())),
        made.journey(diagnosis=made.diagnosis(map=Axes(behaviour=made.e(0.6, 0.5, 0.7)))),
        made.journey(
            diagnosis=made.diagnosis(map=Axes(behaviour=made.e(0.6), context=made.e(1.2)))
        ),
        made.journey(diagnosis=made.diagnosis(holds_back="behaviour", kinds=(), causes={})),
        made.journey(spent=Spent(), steps=made.steps()[-1:]),
        made.journey(baseline_run=made.run(metrics={"correctness": made.e(0.5)}), steps=()),
        made.journey(metric="", stopped=""),
    ]


@pytest.mark.parametrize("number", range(9))
def test_every_journey_can_be_reported(made: ModuleType, number: int) -> None:
    before, _ = made.pipelines()
    read(render(variants(made)[number], task_name="t", baseline=before, best=before))


def test_nothing_proven_is_said_in_the_headline(made: ModuleType) -> None:
    page = render(variants(made)[0], task_name="t")
    assert "Nothing was proven better than the baseline" in read(page).text


def test_the_staircase_moves_only_when_a_step_is_kept(made: ModuleType) -> None:
    rows = charts.stops(made.journey())
    by_name = {row.name: row for row in rows}
    assert by_name["baseline"].mean == pytest.approx(0.436)
    assert by_name["hybrid"].mean == pytest.approx(0.436 + 0.141)
    assert by_name["hyde"].mean == pytest.approx(0.436 + 0.141 - 0.021)
    assert by_name["passages"].mean == pytest.approx(0.436 + 0.141 + 0.094)
    assert by_name["rerank"].mean == pytest.approx(0.436 + 0.141 + 0.094 + 0.062)
    assert by_name["fine_tune"].mean is None


def test_what_is_as_good_stands_beside_what_was_proven(made: ModuleType) -> None:
    hybrid = made.step("hybrid", "kept", 0.2)
    loss = {"reason": "not_worse_and_cheaper", "beside": "proven"}
    steps = (
        hybrid,
        made.step("one", "kept", -0.02, **loss),
        made.step("two", "kept", -0.03, **loss),
    )
    rows = {row.name: row.mean for row in charts.stops(made.journey(steps=steps))}
    assert rows["one"] == pytest.approx(0.436 + 0.2 - 0.02)
    assert rows["two"] == pytest.approx(0.436 + 0.2 - 0.03)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_words_can_be_read_on_their_ground_in_light_and_dark(page: str) -> None:
    roots = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    assert len(roots) == 3
    for root in roots:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", root))
        for ground in ("page", "panel"):
            for ink in ("ink", "soft", "kept", "dropped", "context", "behaviour", "bad"):
                light, dark = sorted(
                    (_luminance(colours[ink]), _luminance(colours[ground])), reverse=True
                )
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
