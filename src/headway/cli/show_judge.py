"""`headway judge` for a person: a metric beside people, and what people's verdicts add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import shorten

from rich.console import Console
from rich.text import Text

from headway.cli.show import table
from headway.core.findings import Estimate
from headway.core.judgement import JudgeFinding, RatingsFinding
from headway.engine.judging import ENOUGH
from headway.engine.people import ToRate
from headway.report import words

LISTED = 5  # unscored answers and faults that are named; --json has all
SHORT = {"always the same": "majority", "word overlap": "overlap", "the longer one": "longer"}
MEASURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "kappa": "Cohen's kappa",
    "auc": "AUC",
    "spearman": "Spearman",
    "kendall": "Kendall's tau-b",
    "alpha_ordinal": "alpha, ordinal",
    "alpha_interval": "alpha, interval",
    "alpha": "Krippendorff's alpha",
}


def judge(console: Console, found: JudgeFinding) -> None:
    """Agreement beside the baselines and the ceiling, then what biases the judge."""
    say = _speaker(console)
    who = f"{found.metric} by {found.judge}" if found.judge else found.metric
    say(f"{who} beside people, {words.count(found.n, 'answer')} of {found.source}", "bold")
    beside = {SHORT.get(name, name): by for name, by in found.baselines.items()}
    if found.people:
        beside["a person"] = found.people
    names = [m for m in MEASURES if any(m in by for by in (found.agreement, *beside.values()))]
    rows = [
        (
            _t(MEASURES[m]),
            _t(words.figure(found.agreement[m]) if m in found.agreement else words.DASH),
            *(_t(words.number(by[m].mean) if m in by else words.DASH) for by in beside.values()),
        )
        for m in names
    ]
    say(
        "majority: what people say most, said of all; overlap: words shared with what was given",
        "dim",
    )
    console.print(table("agreement", "(95% interval)", *beside, rows=rows))
    for line in told(found):
        say(line)
    if found.people:
        say("A person: how well one agrees with the others, which no judge is likely to pass.")
    _unscored(say, [(m.id, m.why) for m in found.unscored], found.n)
    _unscored(say, [(m.id, m.why) for m in found.outage], found.n, "was lost to an outage")
    console.print()
    say(f"used     {words.usage(found.usage)}")
    for notice in found.notices:
        say(f"! {notice}", "yellow")


def told(found: JudgeFinding) -> Iterator[str]:
    """What the figures mean, a sentence each."""
    value = found.agreement[found.measure]
    name, judged = MEASURES[found.measure], words.count(found.completed, "answer")
    if found.standing == "below":
        yield (
            f"May not decide a journey: {name} is {words.number(value.mean)}, below the"
            f" {found.needed:g} that is asked for (judging: agreement in task.yaml)."
        )
    elif found.standing == "may_decide":
        sure = value.low is not None and value.low >= found.needed
        proof = "" if sure else f", though {found.needed:g} itself is not proven"
        yield f"May decide a journey: {name} is {words.number(value.mean)}{proof}."
    elif found.completed < ENOUGH:
        yield (
            f"Whether it may decide a journey is not known: {judged} are too few, {ENOUGH} are"
            " enough."
        )
    if found.told_apart is not None and found.told_apart >= 1:
        yield f"{judged} are too few to tell one judge from another."
    elif found.told_apart is not None:
        yield (
            f"So many answers tell two judges apart from a difference of about"
            f" {found.told_apart:.2f} in {name} on (80% of the time; on the same answers from"
            " less)."
        )
    if found.repeats is not None:
        r = found.repeats
        spread = "" if r.sd is None else f"; a score moves by {r.sd:.3f} (sd)"
        yield f"Asked {r.k} times, {_share(r.identical)} of answers get the same score{spread}."
    if found.position is not None and found.position.mean is not None:
        yield (
            f"The answer shown first wins {_share(found.position)} of the verdicts that name one"
            f" ({_bias(found.position, 0.5, 'no bias to a side is proven', 'a bias to the side')})."
        )
    if found.length is not None and found.length.mean is not None:
        said = _bias(found.length, 0.0, "no bias to length is proven", "a bias to length")
        yield (
            f"Score and length, people's label given: correlation"
            f" {words.figure(found.length, signed=True)} ({said})."
        )


def ratings(console: Console, found: RatingsFinding) -> None:
    """What people said: ratings, flags and who was at fault, strengths."""
    say = _speaker(console)
    if found.added:
        say(f"{words.count(found.added, 'new verdict')} added to ratings.jsonl", "bold")
    if found.by == "people":
        people = f" by {', '.join(found.people)}" if found.people else ""
        say(
            f"{words.count(found.ratings, 'rating')} and"
            f" {words.count(found.preferences, 'preference')}{people}"
        )
    if found.mean is not None:
        say(f"mean rating  {words.figure(found.mean)}, 0 the worst and 1 the best of its scale")
    if found.flags:
        say("flags        " + ", ".join(f"{n} {name}" for name, n in found.flags.items()))
    if found.agreement:
        each = (f"{MEASURES[m]} {words.figure(e)}" for m, e in found.agreement.items())
        say("people agree " + ", ".join(each))
    _faults(say, found)
    if found.strengths:
        console.print()
        rows = [
            (_t(name), _t(_points(e)), _t(str(e.n))) for name, e in found.strengths.items()
        ]  # fmt: skip
        head = f"pipeline, by {found.by}"
        console.print(table(head, "points (95% interval)", "verdicts", rows=rows, right="verdicts"))
        say("Bradley-Terry on Elo's scale: 1000 is the mean, 200 points more take 0.76 of a win.")
        say("A tie is half a win, and equal answers are a tie.")
        if not found.linked:
            say(
                "! Some were never compared, nor through others: their points mean little.",
                "yellow",
            )
    if found.position is not None and found.position.mean is not None:
        say(f"The answer shown first won {_share(found.position)} of the verdicts that name one.")
    pairs = found.preferences + len(found.unscored)
    _unscored(say, [(m.id, m.why) for m in found.unscored], pairs, "is left out")
    for notice in found.notices:
        say(f"! {notice}", "yellow")


def to_rate(console: Console, rated: ToRate, at: int, of: int) -> None:
    """One example with its answers, without the names of who gave them."""
    say = _speaker(console)
    console.print()
    say(f"{at} of {of}  {rated.example.question}", "bold")
    if rated.example.references:
        say(f"wanted   {' | '.join(rated.example.references)}", "dim")
    for number, side in enumerate(rated.sides, start=1):
        name = f"answer {number}" if len(rated.sides) > 1 else "answer  "
        say(f"{name} {side.answer or '(empty)'}")


def _faults(say: Callable[..., None], found: RatingsFinding) -> None:
    search = sum(f.fault == "search" for f in found.faults)
    if not found.faults:
        return
    say(
        f"Of {words.count(len(found.faults), 'answer')} that people call made up, {search} say what"
        " was shown: there the search is at fault, not the model."
        if search
        else f"{words.count(len(found.faults), 'answer')} called made up:"
    )
    for fault in found.faults[:LISTED]:
        say(f"  {fault.example}  {shorten(fault.question, 50)} → {shorten(fault.answer, 50)}")
        say(f"      {fault.verdict}", "dim")


def _unscored(
    say: Callable[..., None], missed: list[tuple[str, str]], of: int, each: str = "counts as a miss"
) -> None:
    if not missed:
        return
    say(f"{words.count(len(missed), 'answer')} of {of} got no score; each {each}:")
    for id, why in missed[:LISTED]:
        say(f"  {id}  {shorten(why, 80)}", "dim")
    if len(missed) > LISTED:
        say(f"  and {len(missed) - LISTED} more (--json lists all)", "dim")


def _bias(found: Estimate, neutral: float, none: str, some: str) -> str:
    if found.low is None or found.high is None or found.low <= neutral <= found.high:
        return none
    return some if (found.mean or 0.0) > neutral else f"{some}, the other way"


def _share(found: Estimate) -> str:
    if found.mean is None:
        return words.DASH
    ends = "" if found.low is None else f" ({found.low:.0%} to {found.high:.0%})"
    return f"{found.mean:.0%}{ends}"


def _points(found: Estimate) -> str:
    ends = "" if found.low is None else f" ({found.low:.0f} to {found.high:.0f})"
    return f"{found.mean:.0f}{ends}"


def _speaker(console: Console) -> Callable[..., None]:
    def say(text: str, style: str = "") -> None:
        console.print(_t(text, style))

    return say


def _t(said: str, style: str = "") -> Text:
    return Text(words.visible(said), style=style)
