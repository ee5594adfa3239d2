"""What a draft would spend, before it spends it."""

from __future__ import annotations

from headway.core.findings import Plan
from headway.engine.drafting.drafter import PASSAGES_LOOKED_AT, TRIES, Order
from headway.engine.drafting.facts import PASSAGE
from headway.engine.estimate import Bill, Estimator, Range

# Calls of one try: least, where the question is thrown away at once, and most.
CALLS = {
    "one_passage": (1, 3), "figures": (1, 3), "two_passages": (1, 5),
    "unanswerable": (1, 3 + PASSAGES_LOOKED_AT),
}  # fmt: skip
# Tries for each draft kept: as thought, least, most. A model of half a billion parameters took 5
# (bench/judges/DRAFTS.md), and a large one wastes few.
TRIED = (3.0, 1.0, TRIES)
PROMPT, REPLY = 2.6 * PASSAGE.tokens, 40.0  # tokens of a call: what is asked, one passage, JSON


def plan_draft(estimator: Estimator, model: str, order: Order) -> Plan:
    """Calls, tokens, dollars and minutes, with a wide range: how much a model writes that must be
    thrown away is not known before it has written."""
    bill = Bill()
    for kind, wanted in order.shares().items():
        least, most = CALLS[kind]
        most += order.closed_book
        calls = Range((least + most) / 2, least, most)
        passages = 2 if kind == "two_passages" else 1
        prompt = calls * Range.about(PROMPT * passages, 0.6, 1.5)
        completion = calls * Range.about(REPLY, 0.4, 2.5)
        each = estimator.costs.asking(model, prompt, completion, calls)
        usual, few, many = (times * wanted for times in TRIED)
        bill.add(each, Range(usual, few, many))
    bill.note(f"for each draft kept, {TRIED[0]:g} tries are assumed; at most {TRIES} are made")
    bill.note("what the same command has asked before costs nothing")
    return bill.to_plan("draft")
