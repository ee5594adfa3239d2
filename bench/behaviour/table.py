"""The kept rows as Markdown, with what so many examples can and cannot show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from headway.engine import statistics as stats

HEAD = """# What each behaviour technique brings, without training

Written by `python bench/behaviour/run.py`. Each row is the baseline with one technique's change,
over the same examples, paired example by example. Intervals are 95%, clustered by group, and not
corrected for the number of rows. `p` is corrected, by Holm's method over the rows of a table, and a
difference is called proven only where it is at most 0.05. A score counts answers in a broken form
as 0; how many there were stands in `invalid`, and in `cut` how many were ended by their limit of
tokens. Tokens, calls and seconds are those of one request; seconds are of computing, on one thread,
and left out where some of the answers were in the store already. This is a
survey on one small model and one set of examples; a journey proves what it keeps on examples of its
own.
"""
KNOWN = {
    "python:metrics.py:number": "the last number is right",
    "python:metrics.py:slot_f1": "F1 over slots",
}


def interval(value: list[float | None] | None, sign: bool = False) -> str:
    """`0.61 (0.55 to 0.67)`."""
    if not value or value[0] is None:
        return ""
    form = "{:+.3f} ({:+.3f} to {:+.3f})" if sign else "{:.3f} ({:.3f} to {:.3f})"
    return form.format(*value)


def mean(value: list[float | None] | None) -> str:
    """The mean alone; nothing where there is none."""
    return "" if not value or value[0] is None else f"{value[0]:.3f}"


def report(rows: Mapping[str, Any], tasks: Mapping[str, Any], n: int, names: Sequence[str]) -> str:
    """All tables: one a task and model, in the order of `tasks`. names: of all techniques."""
    said = [HEAD]
    for name, bench in tasks.items():
        models = dict.fromkeys(k.split("|")[1] for k in rows if k.startswith(f"{name}|"))
        for model in models:
            found = {
                tuple(key.split("|")[2:-1]): value
                for key, value in rows.items()
                if key.startswith(f"{name}|{model}|") and key.endswith(f"|{n}")
            }
            if found:
                said += table(bench, model, found, names)
        if not models:
            said += [f"\n## {bench.name} on `{bench.model}`\n", "Not measured yet.\n"]
    return "\n".join(said) + "\n"


def table(
    bench: Any, model: str, found: Mapping[tuple[str, ...], Any], names: Sequence[str]
) -> list[str]:
    """One task on one model."""
    base = next((v for v in found.values() if v.get("technique") == "baseline"), None)
    if base is None:
        return []
    stands = base.get("base")
    of_now = [v for v in found.values() if v.get("base") == stands]
    measured = [v for v in of_now if "difference" in v]
    told = [v for v in of_now if "titles" in v]
    failed = [v for v in found.values() if "failed" in v]
    judged = KNOWN.get(bench.judged, f"`{bench.judged}`")
    other = list(base.get("other", {}))
    said = [
        f"\n## {bench.name} on `{model}`\n",
        f"{bench.note[0].upper()}{bench.note[1:]}. Judged: {judged}, {base['n']} examples.\n",
        f"| technique | change | score | {''.join(f'{m} | ' for m in other)}difference | p |"
        " prompt tokens | written tokens | calls | seconds | cut | invalid |",
        "|---" * (11 + len(other)) + "|",
    ]
    holm = iter(stats.holm([v["p"] if v["p"] is not None else 1.0 for v in measured]))
    corrected = {id(v): next(holm) for v in measured}
    ranked = sorted(measured, key=lambda v: -(v["difference"][0] or 0))
    for value in [base, *ranked]:
        p = f"{corrected[id(value)]:.3f}" if id(value) in corrected else ""
        others = "".join(f"{mean(value['other'].get(m))} | " for m in other)
        broken = f"{value['invalid']}" + (f", {value['outage']} lost" if value["outage"] else "")
        change = value["title"].replace("|", "/")
        said.append(
            f"| {value['technique']} | {change} | {interval(value['score'])} | {others}"
            f"{interval(value.get('difference'), True)} | {p} | {value['prompt_tokens']:.0f} |"
            f" {value['completion_tokens']:.0f} | {value['calls']:.2g} | {seconds(value)} |"
            f" {value.get('cut', '')} | {broken} |"
        )
    said += ["", *verdicts(ranked, corrected), *can_show(bench, base, measured)]
    said += notes(told, failed)
    # Proposed is not measured: a row may be missing yet.
    met = {v["technique"] for v in (*measured, *failed)}
    met |= {v["technique"] for v in told if not v["titles"]}
    if missing := [name for name in names if name not in met]:
        said.append(f"Not measured yet: {', '.join(missing)}.\n")
    return said


def seconds(value: Any) -> str:
    """Of one request; nothing where they are not known."""
    return "" if value["seconds"] is None else f"{value['seconds']:.1f}"


def verdicts(rows: list[Any], corrected: Mapping[int, float]) -> list[str]:
    """Which rows are proven, after correction."""
    kinds: dict[str, list[str]] = {"Proven better": [], "proven worse": [], "neither": []}
    for value in rows:
        proven = corrected[id(value)] <= 0.05
        kind = "neither" if not proven else (
            "Proven better" if value["difference"][0] > 0 else "proven worse"
        )  # fmt: skip
        kinds[kind].append(value["technique"])
    return [
        "; ".join(
            f"{kind}: {', '.join(dict.fromkeys(names)) or 'none'}" for kind, names in kinds.items()
        )
        + ".\n"
    ]


def can_show(bench: Any, base: Any, measured: list[Any]) -> list[str]:
    """What differences so many examples can and cannot show."""
    n, rate = base["n"], base["score"][0]
    spread = [v["sd"] for v in measured if v.get("sd")]
    if spread:
        sd, how = median(spread), "the median spread of these rows"
    else:
        sd, how = stats.difference_sd(rate or bench.rate), "pairs that correlate by one half"
    alone = stats.minimal_difference(n, sd)
    among = stats.minimal_difference(n, sd, alpha=0.05 / max(1, len(measured)))
    if alone is None or among is None:
        return [f"{n} examples are too few to show anything: this run only tries the bench out.\n"]
    small = stats.examples_needed(0.05, sd)
    return [
        f"What {n} examples can show, with {how} ({sd:.2f}): a true difference of {alone:.2f} is"
        f" found in four of five cases by one planned comparison, one of {among:.2f} as the first"
        f" of {len(measured)} rows. They cannot tell a smaller one from none: to find 0.05 it takes"
        f" about {small:,} examples.\n"
    ]


def notes(told: list[Any], failed: list[Any]) -> list[str]:
    """What proposing cost, what had nothing to propose, what failed."""
    said = []
    paid = [
        f"{v['technique']} {v['calls']} calls, {v['tokens']:,} tokens"
        for v in told
        if v.get("calls")
    ]
    if paid:
        said.append(f"To propose, once and on train: {'; '.join(paid)}.\n")
    without = [f"{v['technique']} ({v['why']})" for v in told if v["why"]]
    if without:
        said.append(f"Without a row: {'; '.join(without)}.\n")
    if failed:
        names = [f"{v['technique']}, {v['title']}: {v['failed']}" for v in failed]
        said.append(f"Failed: {'; '.join(names)}.\n")
    return said
