"""What a command would spend, before it spends it: calls, tokens, dollars, minutes, with a range.

No model is called and nothing is fetched. Prompts are composed by the pipeline's own steps, which
are lent passages drawn at random from the documents; what the store has measured goes before any
rule of thumb, and what it holds already costs nothing.
"""

from headway.engine.estimate.bill import Bill, Each, Range
from headway.engine.estimate.commands import Estimator
from headway.engine.estimate.costs import Costs
from headway.engine.estimate.models import at_hand, models_of
from headway.engine.estimate.rehearsal import Rehearsal, request_tokens, text_tokens

__all__ = [
    "Bill",
    "Costs",
    "Each",
    "Estimator",
    "Range",
    "Rehearsal",
    "at_hand",
    "models_of",
    "request_tokens",
    "text_tokens",
]
