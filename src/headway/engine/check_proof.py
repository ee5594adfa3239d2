"""Checks of what can be proven with these examples, what it is worth, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import pstdev
from typing import Any, cast

from headway.core.findings import WORN, CheckItem, Estimate, Plan
from headway.core.task import Example
from headway.engine import statistics as stats
from headway.engine.check_answers import at
from headway.engine.check_look import Look, item
from headway.engine.confirm import Confirm
from headway.engine.estimate import request_tokens
from headway.engine.journey import test_name
from headway.models.prices import Prices

POWER = 0.8  # "in 4 of 5 cases"
CORRELATION = 0.5  # of two variants' scores: difference_sd's own default
MEASURED = 20  # scores from which the spread is measured and not taken from the book
COARSE = 0.15  # a change of this size is large: only such ones being provable is worth a warning


@dataclass(frozen=True)
class Spread:
    """Standard deviation of one pair's difference, the groups' design effect, and whence."""

    sd: float
    design: float
    whence: str
    n: int


async def spread(look: Look, examples: tuple[Example, ...]) -> Spread:
    """Measured on explore where the baseline was run; else that of a yes/no metric at a half."""
    scores, groups = await look.measured()
    among = [e.cluster for e in examples]
    if len(scores) >= MEASURED and pstdev(scores) > 0:
        # Two variants' scores spread alike; of their difference half cancels by correlation.
        sd = pstdev(scores) * sqrt(2 * (1 - CORRELATION))
        design = stats.design_among(among, scores, groups)
        return Spread(sd, design, f"spread measured on {len(scores)} answers", len(scores))
    sd = stats.difference_sd(0.5, CORRELATION)
    return Spread(sd, stats.design_among(among), "at a rate of one half, nothing being measured", 0)


def _scored(look: Look, examples: tuple[Example, ...]) -> tuple[Example, ...]:
    metric = look.task.metric
    if metric not in look.metrics:
        return examples
    return tuple(e for e in examples if look.applies(metric, e))


async def one_change(look: Look) -> list[CheckItem]:
    """What one planned change can prove on the whole of dev."""
    examples = _scored(look, look.task.split("dev"))
    groups = len({e.cluster for e in examples})
    by = await spread(look, examples)
    least = stats.minimal_difference(
        max(1, len(examples)), by.sd, power=POWER, groups=groups, design=by.design
    )
    data: dict[str, Any] = {
        "n": len(examples), "groups": groups, "difference": least, "sd": by.sd,
        "design_effect": by.design, "measured_on": by.n,
        "examples_needed": {
            str(d): stats.examples_needed(
                d, by.sd, power=POWER, design=by.design,
                per_group=len(examples) / groups if groups else 1.0,
            )
            for d in (0.1, 0.05, 0.02)
        },
    }  # fmt: skip
    over = f"One planned change, over {len(examples)} examples of dev in {groups} groups"
    if least is None or least > 1:
        text = f"{over}: nothing can be proven" + (
            ", 6 groups are the least." * (groups < 6) or "."
        )
        return [item("provable_change", "warning", text, **data)]
    text = f"{over}: a change of at least {least:.2f} is provable in 4 of 5 cases ({by.whence})."
    if least > COARSE:
        needed = data["examples_needed"]["0.1"]
        text += f" A change of 0.10 needs about {needed} examples in dev."
        return [item("provable_change", "warning", text, **data)]
    return [item("provable_change", "ok", text, **data)]


async def journey(look: Look) -> list[CheckItem]:
    """What a journey can prove on confirm, now and after many answers."""
    examples = _scored(look, look.dev[1])
    groups = len({e.cluster for e in examples})
    by = await spread(look, examples)
    # Only the name is read; a runner is needed for asking.
    name = Confirm(cast(Any, None), look.dev[1], look.task.metric).name
    asked = "".join(answer for answer, *_ in look.store.answers(name))
    histories = [asked, asked + "n" * 5, asked + "n" * 10, asked + "k"]
    found = stats.journey_can_prove(
        max(1, len(examples)), by.sd, histories, power=POWER, groups=groups, design=by.design
    )
    first, _, tenth, _ = (p.difference for p in found)
    data = {
        "n": len(examples), "groups": groups, "asked": asked, "sd": by.sd,
        "design_effect": by.design, "measured_on": by.n, "after": [p.to_dict() for p in found],
    }  # fmt: skip
    over = f"A journey, over {len(examples)} examples of confirm in {groups} groups"
    if asked:
        over += f", which were asked {len(asked)} times already"
    if first is None or tenth is None or first > 1:
        text = f"{over}: nothing can be proven" + (
            ", 6 groups are the least." * (groups < 6) or "."
        )
        return [item("provable_journey", "warning", text, **data)]
    text = (
        f"{over}: a gain of at least {first:.2f} is provable in 4 of 5 cases by its next question,"
        f" and one of {min(tenth, 1):.2f} after ten that were not kept ({by.whence})."
    )
    coarse = first > 2 * COARSE
    if coarse:
        text += " Only large gains can be kept: more examples in dev help most."
    return [item("provable_journey", "warning" if coarse else "ok", text, **data)]


def economics(look: Look) -> list[CheckItem]:
    """The accuracy at which successes pay for failures, beside the goal."""
    spec = look.task.spec
    if spec.economics is None:
        return []
    money, name = spec.economics, look.task.metric
    even = stats.break_even(money.success, money.failure)
    goal = spec.goal.get(name)
    data: dict[str, Any] = {"break_even": even, "goal": goal}
    text = f"Successes pay for failures from {name} {even:.4f} on"
    level = "ok"
    if goal is not None:
        net = 1000 * (goal * money.success + (1 - goal) * money.failure)
        data["net_per_1000_at_goal"] = net
        if goal < even:
            level = "warning"
            text += f": at the goal of {goal:g} a thousand requests lose {-net:,.0f}."
        else:
            text += f": at the goal of {goal:g} a thousand requests earn {net:,.0f}."
    else:
        text += ", which is the goal, as none is set."
    metric = look.metrics.get(name)
    if metric is not None and not metric.yes_no:
        level = "warning"
        text += f" But {name} gives part scores, and money counts right or wrong: use a yes/no one."
    return [item("economics", level, text, **data)]  # type: ignore[arg-type]


async def constraints(look: Look) -> list[CheckItem]:
    """Limits that a winner must keep, and those that the baseline already breaks."""
    limits = look.task.spec.constraints
    named = {k: v for k, v in limits.model_dump().items() if v is not None}
    if not named:
        return []
    said = ", ".join(f"{name} {value:g}" for name, value in named.items())
    found = [item("constraints", "ok", f"A winner must keep: {said}.", limits=named)]
    if limits.prompt_tokens_p95 is not None:
        sizes = []
        for example in look.task.split("dev")[:200]:
            requests, _ = await look.estimator.costs.rehearsal.requests(look.pipeline, example)
            sizes.append(sum(request_tokens(r) for r in requests))
        p95 = at(sorted(sizes), 0.95)
        if p95 > limits.prompt_tokens_p95:
            text = (
                f"The baseline's prompts have about {p95:.0f} tokens at p95, over the limit of"
                f" {limits.prompt_tokens_p95:g}: it breaks a constraint itself."
            )
            found.append(item("constraint_tokens", "warning", text, p95=round(p95)))
    model = look.pipeline.model
    priced = model is None or Prices.load(look.task.folder).of(model) is not None
    if limits.usd_per_1k_requests is not None and not priced:
        text = (
            f"usd_per_1k_requests cannot be judged: the price of {model} is not known; add it to"
            " prices.yaml."
        )
        found.append(item("constraint_usd", "warning", text, model=model))
    return found


async def sealed_test(look: Look) -> list[CheckItem]:
    """How often the sealed test was opened."""
    if not look.task.split("test"):
        return []
    openings, _ = look.store.openings(test_name(look.task))
    if openings > WORN:
        text = (
            f"The sealed test was opened {openings} times: it is worn, and figures on it are too"
            " good. Fresh examples mend that."
        )
        return [item("sealed_test", "warning", text, openings=openings)]
    text = f"The sealed test was opened {openings} times." if openings else "The test is sealed."
    return [item("sealed_test", "ok", text, openings=openings)]


async def cost_of_a_run(look: Look) -> list[CheckItem]:
    """What the baseline over dev costs."""
    return [_cost("cost_of_a_run", "The baseline over dev", await look.estimator.plan("evaluate"))]


async def cost_of_a_journey(look: Look) -> list[CheckItem]:
    """What a journey without a budget costs."""
    plan = await look.estimator.plan("optimize")
    return [_cost("cost_of_a_journey", "A journey without a limit", plan)]


def _cost(name: str, what: str, plan: Plan) -> CheckItem:
    usd = "an unknown price" if plan.usd.mean is None else f"${plan.usd.mean:.2f}"
    tokens = "unknown" if plan.tokens.mean is None else f"{plan.tokens.mean:,.0f}"
    text = (
        f"{what}: about {plan.calls.mean or 0:,.0f} new calls, {tokens} tokens, {usd} and"
        f" {_minutes(plan.minutes)}."
    )
    unknown = plan.usd.mean is None or plan.tokens.mean is None
    return item(name, "note" if unknown else "ok", text, plan=plan.to_json())


def _minutes(value: Estimate) -> str:
    def told(minutes: float | None) -> str:
        return f"{minutes or 0:.1f}" if (minutes or 0) < 10 else f"{minutes:.0f}"

    return f"{told(value.mean)} minutes ({told(value.low)} to {told(value.high)})"
