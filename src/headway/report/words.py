"""Figures and verdicts in words: the one place that turns estimates into text.

The terminal and the report both speak through here, so that a figure never reads two ways. Plain
text comes out: whoever shows it escapes it. Scores are shown as they are, 0 to 1 where the metric
is so bounded; a dash means that a figure does not exist, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from headway.core.findings import (
    WORN,
    Comparison,
    Diagnosis,
    Estimate,
    Headroom,
    Journey,
    JourneyStep,
    Kind,
    LabelNoise,
    Spent,
    TestFigure,
    UsageTotal,
)

DASH = "–"
MAP_NEEDS = 30  # examples with known evidence below which the map is not drawn

VERDICTS = {
    "better": "better",
    "worse": "worse",
    "not_proven": "not proven",
    "not_comparable": "not comparable",
}

REASONS = {
    "no_gain": "no gain",
    "not_proven": "not proven",
    "too_slow": "too slow",
    "too_costly": "too costly",
    "too_many_tokens": "too many tokens",
    "needs_unmet": "needs unmet",
}


@dataclass(frozen=True)
class Cause:
    """A cause of failure: its name for a person, its axis ("" for neither), what it means."""

    name: str
    axis: str
    meaning: str


CAUSES = {
    "outage": ("", "the service did not answer; never scored"),
    "refused": ("behaviour", "the model declined to answer"),
    "label_suspect": ("", "the reference itself may be wrong"),
    "not_in_knowledge": ("context", "the evidence is not in the knowledge"),
    "contradictory_knowledge": ("context", "the knowledge says two different things"),
    "in_database": ("context", "the answer stands in the database, which was not asked rightly"),
    "cut_apart": ("context", "the evidence is split between two passages"),
    "not_found": ("context", "search does not bring the evidence at all"),
    "ranked_too_low": ("context", "search brings the evidence, but below what is shown"),
    "crowded_out": ("context", "the evidence is shown among others; alone it is answered"),
    "invalid_output": ("behaviour", "the answer breaks the agreed form"),
    "unstable": ("behaviour", "asked again, the model sometimes gets it right"),
    "unfaithful": ("behaviour", "the answer is not supported by what was shown"),
    "wrong_despite_evidence": ("behaviour", "the right passage is shown, and the answer is wrong"),
    "beyond_model": ("behaviour", "a stronger model gets it right, this one never does"),
}


STAGES = {
    "with evidence": "examples whose evidence is known",
    "in the knowledge": "the documents, or a database, hold it",
    "whole in one passage": "not cut apart",
    "found in 100": "by the question as it stands",
    "found in k": "by the pipeline's own search",
    "in the prompt": "after re-ranking, rules, trimming",
    "used": "answered rightly, or from the evidence",
}


def cause(name: str) -> Cause:
    """A cause by its value; one that is not known keeps its own words."""
    axis, meaning = CAUSES.get(name, ("", ""))
    return Cause(spaced(name), axis, meaning)


def spaced(name: str) -> str:
    """A value such as `not_proven` as words."""
    return name.replace("_", " ")


CONTROL = {c: "\ufffd" for c in (*range(32), *range(127, 160)) if chr(c) not in "\n\t\r"}


def visible(text: str) -> str:
    """A text whose control characters can be seen: raw, they could steer a terminal."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(CONTROL)


# --- figures ----------------------------------------------------------------------------------


def number(value: float | None, signed: bool = False) -> str:
    """A score, to three places."""
    if value is None:
        return DASH
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text if float(text) else text.lstrip("+-")  # no -0.000


def interval(low: float | None, high: float | None, signed: bool = False) -> str:
    """The ends of an interval, or nothing where there is none."""
    if low is None or high is None:
        return ""
    return f"{number(low, signed)} to {number(high, signed)}"


def figure(estimate: Estimate | None, signed: bool = False) -> str:
    """`0.633 (0.561 to 0.702)`."""
    if estimate is None or estimate.mean is None:
        return "does not apply"
    ends = interval(estimate.low, estimate.high, signed)
    return f"{number(estimate.mean, signed)} ({ends})" if ends else number(estimate.mean, signed)


def difference(value: float | None, low: float | None, high: float | None) -> str:
    """`+0.081 (+0.021 to +0.140)`."""
    return (
        figure(Estimate(mean=value, low=low, high=high), signed=True) if value is not None else ""
    )


def count(value: float, one: str, many: str | None = None) -> str:
    """`1 call`, `12,000 calls`."""
    return f"{value:,.0f} {one if round(value) == 1 else many or one + 's'}"


def money(usd: float | None) -> str:
    """USD; an unknown price is said to be unknown, since it is not the same as free."""
    if usd is None:
        return "price not known"
    if usd == 0:
        return "$0"
    if abs(usd) >= 0.01:
        return f"${usd:,.2f}"
    return f"${usd:.{min(6, 1 - floor(log10(abs(usd))))}f}"


def seconds(value: float | None) -> str:
    """A latency."""
    if value is None:
        return DASH
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def duration(value: float) -> str:
    """How long, in the unit that a person would use."""
    if value < 1:
        return "under 1 s"
    if value < 60:
        return f"{value:.0f} s"
    if value < 5400:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest} s" if minutes < 5 and rest else f"{minutes} min"
    return f"{value / 3600:.1f} h"


def size(value: float) -> str:
    """Bytes."""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def rounded(value: int) -> str:
    """Two leading digits, since no more of it is known: 243 is `about 240`."""
    step = 10 ** max(0, floor(log10(max(value, 1))) - 1)
    return f"about {round(value / step) * step:,}"


def usage(used: UsageTotal) -> str:
    """What a run used, as one line."""
    cached = f" and {used.cached_calls:,} from the cache" if used.cached_calls else ""
    return (
        f"{count(used.calls, 'new call')}{cached}, {used.prompt_tokens:,} tokens read, "
        f"{used.completion_tokens:,} written, {money(used.usd)}"
    )


BUDGET = (("calls", "calls"), ("tokens", "tokens"), ("usd", "money"), ("minutes", "time"))


def spent_rows(spent: Spent) -> list[tuple[str, str, str, float | None]]:
    """Of each part of a budget: its name, what was spent, its limit, the share spent."""
    rows: list[tuple[str, str, str, float | None]] = []
    for key, name in BUDGET:
        used, limit = getattr(spent, key), spent.limits.get(key)
        share = used / limit if limit and used is not None else None
        rows.append((name, amount(key, used), amount(key, limit) if limit else "no limit", share))
    return rows


def spent(found: Spent) -> str:
    """All that was spent, as one line: `1,962 of 2,000 calls, 1,204,311 tokens, ...`."""
    said = []
    for (key, name), (_, used, limit, _share) in zip(BUDGET, spent_rows(found), strict=True):
        of = f" of {limit}" if key in found.limits else ""
        said.append(f"{used}{of} {name}" if key in ("calls", "tokens") else f"{used}{of}")
    return ", ".join(said)


def amount(key: str, value: float | None) -> str:
    """One part of a budget: calls, tokens, usd or minutes."""
    if key == "usd":
        return money(value)
    if value is None:
        return DASH
    return duration(value * 60) if key == "minutes" else f"{value:,.0f}"


def estimated(key: str, estimate: Estimate) -> str:
    """A part of a plan, with its range: `1,200 (900 to 1,600)`."""
    if estimate.mean is None:
        return "price not known" if key == "usd" else "not known"
    middle = amount(key, estimate.mean)
    low, high = estimate.low, estimate.high
    if low is None or high is None or amount(key, low) == amount(key, high):
        return middle
    return f"{middle} ({amount(key, low)} to {amount(key, high)})"


# --- verdicts ---------------------------------------------------------------------------------


def verdict(value: str | None) -> str:
    """A verdict in words."""
    return VERDICTS.get(value, spaced(value)) if value else DASH


def comparison(found: Comparison) -> str:
    """The verdict about b as one sentence, with what would prove it."""
    gap = difference(found.difference, found.low, found.high)
    over = f"over {count(found.n, 'example')}"
    if found.groups not in (0, found.n):
        over += f" in {count(found.groups, 'group')}"
    if found.one_sided:
        over += f" ({found.one_sided:,} more left out: {found.metric} applies to one answer only)"
    if found.verdict in ("better", "worse"):
        return f"B is {found.verdict} than A on {found.metric}: {gap}, {over}."
    if found.verdict == "not_comparable":
        bounds = found.worst_case
        tail = f" At worst the difference lies from {interval(*bounds, True)}." if bounds else ""
        return f"Not comparable: {found.why or 'too many answers were lost to outages'}.{tail}"
    if not gap:
        return f"Not proven: {found.why or 'no pair could be scored'}."
    return f"Not proven: B minus A is {gap} on {found.metric}, {over}. {would_prove(found)}"


def unreviewed(many: int, of: int = 0) -> str:
    """How much a figure rests on examples that no person has looked at; empty for none."""
    if not many:
        return ""
    were = "was" if many == 1 else "were"
    which = f"{many:,} of {count(of, 'example')}" if of else count(many, "example")
    return f"{which} {were} made by a machine and not reviewed: headway review"


def set_aside(found: Mapping[str, Sequence[str]]) -> str:
    """Which examples people's verdicts leave out of a split; empty for none."""
    why = {"ambiguous": "ruled ambiguous", "unreviewed": "drafts that nobody has reviewed"}
    said = [
        f"{why.get(name, name)}: {len(ids):,} ({', '.join(ids[:5])}{', ...' if ids[5:] else ''})"
        for name, ids in found.items()
        if ids
    ]
    return f"Set aside, so not scored; {'; '.join(said)}" if said else ""


def would_prove(found: Comparison) -> str:
    """What would prove a difference of the size that was seen."""
    if found.why and not found.examples_needed:
        return found.why[0].upper() + found.why[1:].rstrip(".") + "."
    more = (found.examples_needed or 0) - found.n
    if more > 0:
        return (
            f"{rounded(more).capitalize()} more examples would prove a difference of this size, "
            "if it is real."
        )
    if found.examples_needed:
        return "As many examples again would probably settle it."
    return "No practical number of examples would prove a difference this small."


def openings(number_of: int) -> str:
    """How often the sealed test was opened, and whether it is worn."""
    text = f"the sealed test was opened {count(number_of, 'time')}"
    return f"{text}: it is worn, and its figures flatter" if number_of > WORN else text


def proven_on_test(test: TestFigure) -> bool:
    """Whether the sealed test shows the best above the baseline."""
    if test.verdict is not None:
        return test.verdict == "better"
    return test.low is not None and test.low > 0


def headline(journey: Journey) -> str:
    """What came of a journey, in one or two honest sentences."""
    metric = journey.metric or "the metric"
    test, changed = journey.test, journey.best != journey.baseline
    what = "better" if _kept_better(journey) else "cheaper"
    if not changed:
        measured = journey.baseline_run and journey.baseline_run.metrics.get(journey.metric)
        at = f" It stands at {figure(measured)} on {metric}." if measured else ""
        tried = count(len(journey.steps), "technique")
        return f"Nothing was proven better than the baseline, of {tried} in the ledger.{at}"
    if test is None:
        return (
            f"A {what} pipeline was kept, judged on dev; the sealed test is still closed, so there "
            f"is no final figure for {metric} yet."
        )
    moved = f"{metric} goes from {figure(test.baseline)} to {figure(test.best)}"
    gap = difference(test.difference, test.low, test.high)
    if proven_on_test(test):
        return f"On the sealed test {moved}: {gap}, proven better."
    if test.verdict == "worse":
        return f"On the sealed test {moved}: {gap}, worse. Do not run this in production."
    if test.verdict == "not_comparable":
        return f"On the sealed test {moved}, but too many answers were lost to compare the two."
    if not gap:
        return f"On the sealed test {moved}, but no pair of answers could be scored."
    if what == "cheaper":
        return f"On the sealed test {moved}: {gap}. Kept on dev as cheaper, not as better."
    return f"On the sealed test {moved}: {gap}. Kept on dev, but not proven on the test."


def _kept_better(journey: Journey) -> bool:
    """Whether a step was kept for a gain, and not only for its price."""
    return any(step.decision == "kept" and step.verdict == "better" for step in journey.steps)


def winner(journey: Journey) -> str:
    """What may be done with the best pipeline."""
    if journey.best == journey.baseline:
        return "The baseline stays: nothing was proven better."
    if journey.test is None:
        return "Kept on dev; run `headway final` before it goes into production."
    if proven_on_test(journey.test):
        return "The pipeline to run in production, with what was changed against the baseline."
    if journey.test.verdict == "worse":
        return "Kept on dev, and worse on the sealed test: stay with the baseline."
    return "Kept on dev, and not proven on the sealed test: it may be no better than the baseline."


def goal(journey: Journey) -> str:
    """Whether the goal is met: by the interval's lower end, on the test where it was opened."""
    if journey.goal is None:
        return ""
    said = f"The goal is {number(journey.goal)}"
    best = journey.test.best if journey.test else None
    if best is None or best.low is None:
        return f"{said}."
    met = "met" if best.low >= journey.goal else "not proven to be met"
    return f"{said}: {met}, since the interval of the best begins at {number(best.low)}."


def stopped(journey: Journey) -> str:
    """Why a journey stopped, as a sentence."""
    text = spaced(journey.stopped) if " " not in journey.stopped else journey.stopped
    return text[:1].upper() + text[1:].rstrip(".") + "."


def step_difference(step: JourneyStep) -> str:
    """A step's difference with its interval, and where it was measured."""
    return difference(step.difference, step.low, step.high) or DASH


def step_level(step: JourneyStep) -> str:
    """Where a step was measured, over how many, at what level."""
    if step.measured_on is None:
        return ""
    # Confirm's level is one-sided: its interval has twice as much outside.
    outside = 2 * step.level if step.measured_on == "confirm" and step.level else 0.05
    digits = 0 if outside >= 0.01 else 1 if outside >= 0.001 else 2
    confidence = f"{100 * (1 - outside):.{digits}f}%"
    return f"{step.measured_on}, n {step.n:,}, {confidence} interval"


def step_reason(step: JourneyStep) -> str:
    """Why a step was kept or dropped, as a sentence."""
    reason = REASONS.get(step.reason, spaced(step.reason))
    if not step.detail:
        return reason
    said = (step.decision, step.verdict)  # what stands beside it already
    if step.reason in said or reason.casefold() in step.detail.casefold():
        return step.detail
    return f"{reason}: {step.detail}"


# --- the diagnosis ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A named figure, with a word on what it means."""

    name: str
    value: Estimate | None
    meaning: str = ""
    inside: bool = False


def probes(found: Diagnosis) -> list[Row]:
    """The probes, from the least context to the most."""
    return [
        Row("closed book", found.closed_book, "no context at all"),
        Row("as is", found.as_is, "the pipeline itself"),
        Row("perfect context", found.perfect_context, "shown just the evidence"),
    ]


def headroom(found: Headroom) -> list[Row]:
    """What is left to gain on each axis."""
    rows = [
        Row("context", found.context, "what better context adds"),
        Row("behaviour", found.behaviour, "what is left above it"),
        Row("reachable at 3", found.reachable_at_3, "right once in three repeats", True),
        Row("stronger model", found.stronger_model, "a stronger one gets it right", True),
    ]
    return [row for row in rows if row.value is not None or not row.inside]


def drawable(found: Diagnosis) -> bool:
    """Whether there is a place on the map at all."""
    here = found.map.behaviour
    return here is not None and here.mean is not None


def covered(found: Diagnosis) -> str:
    """`over 61 of 140 examples`: those whose evidence is known."""
    of = found.coverage.n or found.n
    known = round((found.coverage.mean or 0) * of)
    return (
        f"over {known:,} of {count(of, 'example')}"
        if known != of
        else f"over {count(of, 'example')}"
    )


def place(found: Diagnosis) -> str:
    """Where the application stands on the map, in words."""
    context, behaviour = found.map.context, found.map.behaviour
    if not drawable(found):
        return (
            f"The map is not drawn: the evidence is known {covered(found)}, "
            f"and it needs {MAP_NEEDS}."
        )
    if context is None:  # nor does whose evidence is known
        over = f"over {count(found.n, 'example')}"
        return f"Context does not apply; behaviour {figure(behaviour)}; {over}."
    said = figure(context) if context.mean is not None else "undefined"
    return f"Context {said}; behaviour {figure(behaviour)}; {covered(found)}."


def holds_back(found: Diagnosis) -> str:
    """Which axis holds the application back, and with which figures: one plain sentence."""
    context, behaviour = found.headroom.context, found.headroom.behaviour
    gain_c, gain_b = figure(context, True), figure(behaviour, True)
    score = number(found.as_is.mean)
    perfect = found.perfect_context.mean if found.perfect_context else None
    with_perfect = f" and {number(perfect)} with perfect context" if perfect is not None else ""
    no_context = context is None or context.mean is None
    add = f"Better context would add {gain_c}, better behaviour at most {gain_b}."
    if no_context:
        add = f"Better behaviour would add at most {gain_b}; context does not apply."
    if found.holds_back in ("context", "behaviour"):
        held = f"{found.holds_back.capitalize()} holds it back"
    elif found.holds_back == "neither":
        held = "Neither axis holds it back"
    else:
        held = "It is not clear which axis holds it back"
    known = found.as_is.n
    part = 0 < known < found.n
    over = f" over the {known:,} of {found.n:,} examples whose evidence is known" if part else ""
    return f"{held}: it scores {score} as is{with_perfect}{over}. {add}"


def causes(found: Mapping[str, int]) -> list[tuple[Cause, int]]:
    """Causes of failure, the most frequent first; those that never occur are left out."""
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return [(cause(name), many) for name, many in ranked if many]


@dataclass(frozen=True)
class Stage:
    """A stage of the funnel: how many examples came so far, of all, and how many it lost."""

    name: str
    meaning: str
    many: int
    share: float
    lost: int


def funnel(found: Mapping[str, int]) -> list[Stage]:
    """The way of the evidence, stage by stage."""
    total = max(found.values(), default=0)
    before = total
    stages = []
    for name, many in found.items():
        share = many / total if total else 0.0
        stages.append(Stage(name, STAGES.get(name, ""), many, share, before - many))
        before = many
    return stages


def lost_most(found: Mapping[str, int]) -> str:
    """One sentence on the stage that loses most; empty where none loses any."""
    worst = max(funnel(found), key=lambda stage: stage.lost, default=None)
    if worst is None or not worst.lost:
        return ""
    total = max(found.values())
    return f"Most is lost on the way to {worst.name!r}: {worst.lost:,} of {total:,}."


def context(found: Diagnosis) -> list[Row]:
    """What the passages shown are worth; nothing where that is not known."""
    rows = [
        Row("context precision", found.context_precision, "how clean it is, the best first"),
        Row("context signal", found.context_signal, "the part of it that holds evidence"),
        Row("context recall", found.context_recall, "the part of the evidence in it"),
    ]
    return [row for row in rows if row.value is not None]


def positions(found: Diagnosis) -> list[Row]:
    """Scores by the place of the evidence, where that was asked for."""
    return [
        Row(f"evidence {place}", value, "among other passages")
        for place, value in found.positions.items()
    ]


def verdicts(found: Diagnosis) -> list[tuple[str, str, int]]:
    """(verdict, axis, failures), the most frequent first; older findings have none."""
    counts: dict[tuple[str, str], int] = {}
    for failure in found.failures:
        said = failure.get("verdict")
        if said:
            key = str(said), str(failure.get("axis", ""))
            counts[key] = counts.get(key, 0) + 1
    return [
        (said, axis, many) for (said, axis), many in sorted(counts.items(), key=lambda c: -c[1])
    ]


def label_noise(found: LabelNoise | None) -> str:
    """How many references are in doubt, and the ceiling that this implies; empty where none is and
    nobody has ruled on any."""
    if found is None or not (found.in_doubt or found.reviewed):
        return ""
    doubts = f"{count(found.in_doubt, 'reference')} of {found.n:,} in doubt"
    suspect = f", {found.suspects:,} of them suspect by two models" if found.suspects else ""
    ruled = f"; people ruled on {found.reviewed:,}" if found.reviewed else ""
    top = figure(found.ceiling)
    if found.basis == "verdicts":
        basis = "" if found.outside else " at most, if what nobody doubted is right"
        said = f"By their verdicts a perfect system scores {top}{basis}."
    elif found.suspects:
        said = f"Were each suspect wrong, a perfect system would score {top}."
    else:
        said = "No ceiling follows yet."
    return f"{doubts}{suspect}{ruled}. {said}"


def kinds_shown(kinds: Sequence[Kind], most: int = 12) -> list[Kind]:
    """The kinds to show: the proven worse ones first, then the lowest means."""
    known = [kind for kind in kinds if kind.mean is not None]
    ranked = sorted(known, key=lambda kind: (not kind.worse, kind.mean or 0))
    return ranked[:most]


def kind_estimate(kind: Kind) -> Estimate:
    """A kind's mean with its interval."""
    return Estimate(mean=kind.mean, low=kind.low, high=kind.high, n=kind.n)


def kind_figure(kind: Kind) -> str:
    """A kind's mean with its interval, in words."""
    return figure(kind_estimate(kind))


def whole(value: float) -> Estimate:
    """A count as a figure without an interval."""
    return Estimate(mean=value, n=1)


def advice(found: Diagnosis) -> list[str]:
    """What to do next, less the sentence that `holds_back` says already."""
    return [said for said in found.advice if "holds it back" not in said]
