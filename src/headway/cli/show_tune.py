"""`headway tune` for a person: the plan, the stages, ten answers beside each other, the proof."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from headway.cli import draw
from headway.cli.show import MARKS, _bullets, _heading, _notices, _say, _t, table
from headway.core.findings import CheckItem, Plan
from headway.core.task import typed
from headway.core.tuning import (
    AFTER,
    Cost,
    MergeFinding,
    Side,
    TuneFinding,
    TunePlan,
    TuneStage,
    titled,
)
from headway.report import words

CUT = 300  # characters of an answer shown in a terminal; --json has all
PROVEN = {
    "worse": "proven: it forgot", "better": "proven: it gained",
    "not_proven": "not proven: so few questions show no small change",
}  # fmt: skip


def plan(console: Console, found: TunePlan) -> None:
    """What a tuning would take."""
    about = "" if found.measured else ", a guess before the first training on this machine"
    takes = (
        "how long it trains is seen when it has"
        if found.seconds is None
        else f"about {words.duration(found.seconds)} of training{about}"
    )
    _say(
        console,
        f"{found.base} on {words.count(found.samples, 'sample')}, {found.held} held out: {takes}",
        "bold",
    )
    _say(console, found.describes, "dim")
    rows = [
        (_t(titled(name, settings)), _t(f"{count:,}"),
         _t(str(found.pilot_epochs if name == "pilot" else found.epochs)))
        for name, count in found.stages.items()
        for settings in ({}, *(found.trials if name == "half" else ()))
    ]  # fmt: skip
    console.print(table("stage", "samples", "epochs", rows=rows, right="samples epochs"))
    _say(
        console,
        f"a sample: {found.prompt_tokens:.0f} tokens of prompt and {found.reply_tokens:.0f} of"
        f" reply on average, {found.longest} at most; {found.tokens:,} in one pass",
    )
    for why, count in found.left_out.items():
        _say(console, f"left out: {count} {words.spaced(why)}", "dim")
    for what, spent in (("the teacher first", found.teaching), ("measuring", found.measuring)):
        if spent is not None:
            _say(console, f"{what}: {_spent(spent)}")
    _checks(console, found.checks)
    _say(console, f"samples  {found.samples_file}", "dim")
    _notices(console, found.notices)


def _spent(plan: Plan) -> str:
    return ", ".join(
        words.estimated(key, getattr(plan, key))
        + (f" {name}" if key in ("calls", "tokens") else "")
        for key, name in words.BUDGET
    )


def _checks(console: Console, checks: tuple[CheckItem, ...]) -> None:
    for item in checks:
        mark, style = MARKS[item.level]
        _say(console, f"{mark} {item.text}", style)


def tuned(console: Console, found: TuneFinding, task: Path) -> None:
    """All that came of it, the verdict first."""
    _say(console, verdict(found), "bold")
    _heading(console, "Training")
    for stage in found.stages:
        _stage(console, stage)
    if found.doubling is not None:
        _say(
            console,
            "all samples over half of them, on what is held out:"
            f" {words.figure(found.doubling, signed=True)}; about what twice the data would bring."
            " A hint: each is the best of its epochs there",
        )
    if found.comparison is not None:
        _proof(console, found)
    if found.likeness:
        _likeness(console, found)
    if found.sides:
        _heading(console, f"{words.count(len(found.sides), 'answer')} side by side")
        for side in found.sides:
            _side(console, side)
    if found.general_before is not None:
        _general(console, found)
    _notices(console, found.notices)
    console.print()
    if found.name:
        _say(console, f"model     {found.name}   {found.folder}")
        _say(console, f"pipeline  {found.pipeline_file}")
        if found.serve:
            _say(console, f"serve     {found.serve}")
            said = f"it is then {found.served_as}" if found.served_as else (
                'then "served_as": "HOUSE/NAME" in its model.json'
            )  # fmt: skip
            _say(console, f"          {said}", "dim")
        file = typed(Path(found.pipeline_file))
        _say(console, f"next      headway compare {typed(task)} baseline {file}")
    elif found.stopped:
        _say(console, "next      mend the samples, or the same command with --force", "dim")


def verdict(found: TuneFinding) -> str:
    """In a sentence, whether it paid."""
    if found.stopped:
        return f"Stopped: {found.stopped}"
    compared = found.comparison
    if not found.name and not found.sides:
        return "The pilot is trained; nothing could be held out or served here to look at."
    if not found.name:
        return "The pilot is trained; look at what it says before going on."
    if compared is None:
        return f"{found.name} is trained; it is not measured here."
    paid = {
        "better": "It paid: the tuned model is better on dev",
        "worse": "It did not pay: the tuned model is worse on dev",
        "not_proven": "Not proven: the tuned model is neither better nor worse on dev",
        "not_comparable": "Not comparable",
    }[compared.verdict]
    gap = words.difference(compared.difference, compared.low, compared.high)
    said = ", ".join(filter(None, (paid, gap)))
    before, after = found.cost_before, found.cost_after
    if before and after and before.prompt_tokens:
        said += (
            f"; {after.prompt_tokens:.0f} prompt tokens a request instead of"
            f" {before.prompt_tokens:.0f}"
        )
    return said


def _stage(console: Console, stage: TuneStage) -> None:
    known = stage.tokens and stage.seconds
    speed = f", {stage.tokens / stage.seconds:,.0f} tokens/s" if known else ""
    _say(
        console,
        f"{titled(stage.name, stage.settings)}: {words.count(stage.samples, 'sample')},"
        f" {words.duration(stage.seconds)}{speed}"
        + (f" ({stage.stopped})" if stage.stopped else "")
        + ("" if stage.taken else "; other settings did better" if stage.chosen else "; left out"),
    )
    if not stage.epochs:
        return
    if stage.curve:
        ends = f"{stage.curve[0]:.2f} to {stage.curve[-1]:.2f}"
        _say(console, f"  loss {draw.line(stage.curve)} {ends}", "dim")
    rows = [
        (
            _t("→" if e.epoch == stage.chosen else ""), _t(str(e.epoch)), _t(_loss(e.loss)),
            _t(_loss(e.held_loss)),
            draw.bar(e.score, 20), _t(words.figure(e.score)),
        )
        for e in stage.epochs
    ]  # fmt: skip
    console.print(
        table("", "epoch", "loss", "held out", "", "score", rows=rows, right="epoch loss")
    )


def _loss(value: float | None) -> str:
    return words.DASH if value is None else f"{value:.3f}"


def _proof(console: Console, found: TuneFinding) -> None:
    compared = found.comparison
    assert compared is not None
    _heading(console, f"On dev, {words.count(compared.n, 'example')}: {compared.metric}")
    costs = (found.cost_before, found.cost_after, found.cost_teacher)
    priced = any(cost is not None and cost.usd != 0 for cost in costs)
    rows = [
        (_t(name), draw.bar(e, 10), _t(words.figure(e)), *_cost(cost, priced))
        for name, e, cost in (
            ("before", found.before, found.cost_before), ("tuned", found.after, found.cost_after),
            ("teacher", found.teacher, found.cost_teacher),
        )
        if e is not None and cost is not None
    ]  # fmt: skip
    console.print(
        table("", "", "mean (95% interval)", "prompt", "written", "seconds", *["$"] * priced,
              rows=rows, right="prompt written seconds $")
    )  # fmt: skip
    _say(console, words.comparison(compared))
    if found.beside_teacher is not None:
        _say(console, f"student beside teacher: {words.comparison(found.beside_teacher)}")


def _cost(cost: Cost, priced: bool) -> tuple[Text, ...]:
    usd = words.DASH if cost.usd is None else f"{cost.usd:.5f}".rstrip("0").rstrip(".")
    figures = (f"{cost.prompt_tokens:.0f}", f"{cost.completion_tokens:.0f}", f"{cost.seconds:.2f}")
    return tuple(_t(figure) for figure in (*figures, *[usd] * priced))


def _likeness(console: Console, found: TuneFinding) -> None:
    _heading(console, f"Answers after {AFTER[found.likeness_after]}, beside what is wanted")
    rows = [
        tuple(_t(_short(value)) for value in row.values()) for row in found.likeness
    ]  # fmt: skip
    console.print(table(*(words.spaced(k) for k in found.likeness[0]), rows=rows))


def _short(value: object) -> str:
    if value is None:
        return words.DASH
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _side(console: Console, side: Side) -> None:
    def cut(text: str) -> str:
        text = " ".join(text.split())
        return text if len(text) <= CUT else text[: CUT - 1] + "…"

    _say(console, f"{side.example}: {cut(side.question)}", "dim")
    pilot = [] if side.pilot is None else [f"pilot   {cut(side.pilot)}"]
    _bullets(console, [f"wanted  {cut(side.wanted)}", f"base    {cut(side.base)}", *pilot,
                       f"tuned   {cut(side.tuned)}"])  # fmt: skip


def _general(console: Console, found: TuneFinding) -> None:
    before, after = words.figure(found.general_before), words.figure(found.general_after)
    _heading(console, "What it forgot")
    change = words.figure(found.general_change, signed=True)
    proven = f" ({PROVEN[found.general_verdict]})" if found.general_verdict else ""
    said = f"general questions right: {before} before, {after} after; change {change}{proven}"
    _say(console, said)
    if found.forgotten:
        _say(console, f"lost, such as: {'; '.join(found.forgotten[:3])}", "dim")


def merged(console: Console, found: MergeFinding) -> None:
    """Merged files beside the adapter."""
    _say(console, f"{found.name} merged, on {words.count(found.n, 'example')} of dev", "bold")
    rows = [
        (_t(m.kind), _t(words.size(m.size)), draw.bar(m.score, 12), _t(words.figure(m.score)),
         _t(f"{m.seconds:.2f}"), _t(f"{m.same:.0%}"))
        for m in found.merged
    ]  # fmt: skip
    console.print(
        table("weights", "size", "", found.metric, "seconds", "equal", rows=rows,
              right="size seconds equal")
    )  # fmt: skip
    _say(console, "equal: letter for letter the adapter's own answer", "dim")
    for m in found.merged:
        if m.model:
            _say(console, f"model  {m.model}")
    _notices(console, found.notices)
