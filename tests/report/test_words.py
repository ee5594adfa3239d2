from __future__ import annotations

from types import ModuleType

import pytest

from headway.core.findings import Axes, Estimate, Spent, UsageTotal
from headway.engine.causes import CAUSES
from headway.engine.funnel import STAGES
from headway.report import words


def test_a_figure_that_does_not_exist_is_never_zero() -> None:
    assert words.figure(Estimate()) == "does not apply"
    assert words.figure(None) == "does not apply"
    assert words.number(None) == "–"
    assert words.number(0.0) == "0.000"
    assert words.number(-0.0001, signed=True) == "0.000"
    assert words.figure(Estimate(mean=0.5, n=1)) == "0.500"


def test_an_interval_on_confirm_has_twice_its_one_sided_level_outside(made: ModuleType) -> None:
    def said(level: float | None, on: str = "confirm") -> str:
        step = made.step("rerank", "kept", 0.1, measured_on=on, level=level)
        return words.step_level(step)

    assert said(0.02) == "confirm, n 60, 96% interval"
    assert said(0.003) == "confirm, n 60, 99.4% interval"
    assert said(None, "explore") == "explore, n 60, 95% interval"


@pytest.mark.parametrize(
    ("usd", "said"),
    [
        (None, "price not known"),
        (0.0, "$0"),
        (0.00042, "$0.00042"),
        (1.5, "$1.50"),
        (12345.0, "$12,345.00"),
    ],
)
def test_money_tells_unknown_from_free(usd: float | None, said: str) -> None:
    assert words.money(usd) == said


def test_not_proven_says_what_would_prove_it(made: ModuleType) -> None:
    said = words.comparison(made.comparison())
    assert said.startswith("Not proven")
    assert "About 240 more examples" in said
    few = made.comparison(examples_needed=None, groups=4, n=4, why="4 groups are too few")
    assert words.comparison(few).endswith("4 groups are too few.")


def test_the_other_verdicts(made: ModuleType) -> None:
    better = made.comparison(verdict="better", difference=0.1, low=0.02, high=0.18)
    assert words.comparison(better).startswith("B is better than A on correctness: +0.100")
    lost = made.comparison(
        verdict="not_comparable",
        difference=None,
        low=None,
        high=None,
        why="9 and 2 of 140 answers were lost to outages",
        worst_case=(-0.1, 0.14),
    )
    said = words.comparison(lost)
    assert "9 and 2 of 140" in said
    assert "-0.100 to +0.140" in said


def test_the_headline_is_honest(made: ModuleType) -> None:
    assert "proven better" in words.headline(made.journey())
    nothing = made.journey(best=made.journey().baseline, test=None)
    assert words.headline(nothing).startswith("Nothing was proven better")
    closed = made.journey(test=None)
    assert "still closed" in words.headline(closed)
    test = made.journey().test
    doubtful = test.model_copy(update={"verdict": "not_proven", "low": -0.01})
    assert "not proven on the test" in words.headline(made.journey(test=doubtful))
    lost = test.model_copy(
        update={"verdict": "not_comparable", "difference": None, "low": None, "high": None}
    )
    assert words.headline(made.journey(test=lost)).endswith("were lost to compare the two.")
    unscored = lost.model_copy(update={"verdict": "not_proven"})
    assert words.headline(made.journey(test=unscored)).endswith(
        "no pair of answers could be scored."
    )
    spared = tuple(s.model_copy(update={"verdict": "not_proven"}) for s in made.journey().steps)
    assert "A cheaper pipeline" in words.headline(made.journey(test=None, steps=spared))
    cheaper = words.headline(made.journey(test=doubtful, steps=spared))
    assert cheaper.endswith("as cheaper, not as better.")
    worse = test.model_copy(update={"verdict": "worse", "difference": -0.2})
    assert "Do not run this" in words.headline(made.journey(test=worse))
    assert words.winner(made.journey()).startswith("The pipeline to run in production")
    assert "stay with the baseline" in words.winner(made.journey(test=worse))
    assert "may be no better" in words.winner(made.journey(test=doubtful))
    assert "headway final" in words.winner(closed)
    assert words.winner(nothing).startswith("The baseline stays")


def test_a_goal_is_met_by_the_lower_end_only(made: ModuleType) -> None:
    assert "not proven to be met" in words.goal(made.journey(goal=0.6))
    assert ": met, since" in words.goal(made.journey(goal=0.55))
    assert words.goal(made.journey(goal=0.6, test=None)) == "The goal is 0.600."
    assert words.goal(made.journey(goal=None)) == ""


def test_openings_are_worn_after_five() -> None:
    assert "worn" not in words.openings(5)
    assert "worn" in words.openings(6)
    assert words.openings(1) == "the sealed test was opened 1 time"


@pytest.mark.parametrize("axis", ["context", "behaviour", "neither", "not_clear"])
def test_one_sentence_says_which_axis_and_with_which_figures(made: ModuleType, axis: str) -> None:
    said = words.holds_back(made.diagnosis(holds_back=axis))
    assert "0.436" in said
    assert "+0.386 (+0.280 to +0.490)" in said
    assert "+0.178" in said
    assert {"context": "Context holds", "behaviour": "Behaviour holds"}.get(axis, "axis") in said


def test_figures_over_a_part_of_the_examples_say_so(made: ModuleType) -> None:
    whole = made.diagnosis(as_is=made.e(0.4, n=90), n=90)
    assert " over " not in words.holds_back(whole)
    part = whole.model_copy(update={"n": 120})
    assert "over the 90 of 120 examples whose evidence is known. Better" in words.holds_back(part)


def test_below_thirty_the_map_says_why_it_is_not_drawn(made: ModuleType) -> None:
    few = made.diagnosis(map=Axes(), coverage=made.e(0.125, n=96))
    assert words.place(few) == (
        "The map is not drawn: the evidence is known over 12 of 96 examples, and it needs 30."
    )


def test_without_knowledge_context_does_not_apply(made: ModuleType) -> None:
    plain = made.diagnosis(
        map=Axes(behaviour=made.e(0.6, 0.5, 0.7)),
        headroom=made.diagnosis().headroom.model_copy(update={"context": None}),
        holds_back="behaviour",
    )
    of = f"over {plain.n} examples."
    assert words.place(plain).startswith("Context does not apply; behaviour 0.600")
    assert words.place(plain.model_copy(update={"coverage": made.e(0.0)})).endswith(of)
    assert "context does not apply" in words.holds_back(plain)


def test_causes_are_ranked_and_unknown_ones_keep_their_words() -> None:
    ranked = words.causes({"outage": 0, "not_found": 2, "made_up_cause": 5})
    assert [(cause.name, many) for cause, many in ranked] == [
        ("made up cause", 5),
        ("not found", 2),
    ]


def test_the_funnel_says_what_each_stage_loses(made: ModuleType) -> None:
    stages = words.funnel(made.FUNNEL)
    assert [stage.lost for stage in stages] == [0, 0, 6, 21, 8, 6, 7]
    assert stages[-1].share == pytest.approx(42 / 90)
    assert all(stage.meaning for stage in stages)
    assert words.lost_most({"with evidence": 4, "used": 4}) == ""
    assert words.funnel({}) == []
    assert words.lost_most({}) == ""


def test_the_words_know_every_cause_and_stage_of_the_engine() -> None:
    assert {name: axis for name, (axis, _) in words.CAUSES.items()} == {
        name: axis for name, (axis, _) in CAUSES.items()
    }
    assert list(words.STAGES) == ["with evidence", *STAGES]


def test_verdicts_are_counted_the_most_frequent_first(made: ModuleType) -> None:
    assert words.verdicts(made.diagnosis())[0] == (
        "model at fault: the right passage was shown", "behaviour", 2,
    )  # fmt: skip
    assert words.verdicts(made.diagnosis(failures=({"cause": "not_found"},))) == []


def test_what_was_spent() -> None:
    spent = Spent(calls=1962, tokens=1000, usd=None, minutes=23.4, limits={"calls": 2000})
    assert words.spent(spent) == "1,962 of 2,000 calls, 1,000 tokens, price not known, 23 min"
    used = UsageTotal(calls=1, cached_calls=2, prompt_tokens=10, completion_tokens=3, usd=None)
    assert words.usage(used).startswith("1 new call and 2 from the cache")
    assert words.usage(used).endswith("price not known")


def test_a_plan_is_a_range_and_says_what_is_not_known() -> None:
    assert words.estimated("calls", Estimate(mean=10, low=8, high=12)) == "10 (8 to 12)"
    assert words.estimated("calls", Estimate(mean=10, low=10, high=10)) == "10"
    assert words.estimated("usd", Estimate()) == "price not known"


def test_control_characters_are_made_visible() -> None:
    assert words.visible("a\x1b[2Jb\x9b1m\r\nc\u200d") == "a\ufffd[2Jb\ufffd1m\nc\u200d"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.2, "under 1 s"), (41, "41 s"), (75, "1 min 15 s"), (1404, "23 min"), (7200, "2.0 h")],
)
def test_durations(value: float, said: str) -> None:
    assert words.duration(value) == said
