"""Statistics: pure functions on scores, which know nothing of tasks, runs or stores.

    estimates    one run: a mean and its interval
    pairs        two runs on the same examples: difference, interval, verdict; not worse
    outage       pairs lost on the way: comparable or not, worst-case bounds
    levels       what each question of a journey to confirm may cost
    sequential   planned looks by alpha spending, and when to give up
    betting      an e-process, where looks cannot be planned
    planning     what can be proven with how many examples; economics; ceilings
    kinds        kinds of questions that fail more than the rest
    agreement    a judge against people, people among themselves, a judge's biases
    ratings      strengths of pipelines from verdicts on pairs of answers

Everything here is itself tested by simulation; where a method covers less than it says, its
docstring gives the figure.
"""

from .agreement import agreement, length_bias, people_agreement, repeatability, told_apart
from .betting import EProcess
from .estimates import Estimate, estimate
from .kinds import Kind, holm, worse_kinds
from .levels import level, spent
from .outage import Bounds, bounds_with_outage, comparable
from .pairs import Paired, not_worse, paired, sign_flip, verdict
from .planning import (
    Provable,
    break_even,
    design_among,
    design_effect,
    difference_sd,
    examples_needed,
    journey_can_prove,
    mates,
    minimal_difference,
    reachable,
    score_ceiling,
)
from .ratings import Pair, linked, strengths
from .sequential import boundaries, conditional_power, futile

__all__ = [
    "Bounds",
    "EProcess",
    "Estimate",
    "Kind",
    "Pair",
    "Paired",
    "Provable",
    "agreement",
    "boundaries",
    "bounds_with_outage",
    "break_even",
    "comparable",
    "conditional_power",
    "design_among",
    "design_effect",
    "difference_sd",
    "estimate",
    "examples_needed",
    "futile",
    "holm",
    "journey_can_prove",
    "length_bias",
    "level",
    "linked",
    "mates",
    "minimal_difference",
    "not_worse",
    "paired",
    "people_agreement",
    "reachable",
    "repeatability",
    "score_ceiling",
    "sign_flip",
    "spent",
    "strengths",
    "told_apart",
    "verdict",
    "worse_kinds",
]
