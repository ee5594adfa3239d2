"""Examples drafted where there are none: written from documents, or sampled from logs.

    Facts ──one sentence at a time, spread over documents──> Writer ──question, answer, check──>
    filters ──each counted──> examples with `source` and `reviewed: false`

Nothing here trusts what a model writes: a quote must stand in its document, an answer must be
found again from the quote alone. Whether a draft is any good is for a person to say (`review`).
"""

from __future__ import annotations

from headway.engine.drafting.drafter import KINDS, Drafter, DraftFinding, Order, open_drafter
from headway.engine.drafting.sampling import LogFinding, Sampler

__all__ = ["KINDS", "DraftFinding", "Drafter", "LogFinding", "Order", "Sampler", "open_drafter"]
