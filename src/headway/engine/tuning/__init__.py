"""Fine-tuning as a lever: prepare, pilot, train, choose, prove; distil; say what to label next."""

from __future__ import annotations

from headway.engine.tuning.measuring import plan_measuring
from headway.engine.tuning.merging import merge_kinds
from headway.engine.tuning.preparing import TuneWish
from headway.engine.tuning.sources import Source, plan_source, with_source
from headway.engine.tuning.start import able, servable, start_of
from headway.engine.tuning.teacher import Filter, Taught, baked, inputs_of
from headway.engine.tuning.tuner import Tuner
from headway.engine.tuning.within import tuned_within

__all__ = [
    "Filter",
    "Source",
    "Taught",
    "TuneWish",
    "Tuner",
    "able",
    "baked",
    "inputs_of",
    "merge_kinds",
    "plan_measuring",
    "plan_source",
    "servable",
    "start_of",
    "tuned_within",
    "with_source",
]
