"""Named ways to change a pipeline: one file a technique, one line here.

`context/` changes what the model gets to know, `behaviour/` how it acts. The order here is the
order in which equals are tried.
"""

from headway.core.catalogue import Family

TECHNIQUES = Family(
    "technique",
    {
        "instructions": "headway.techniques.behaviour.instructions:Instructions",
        "fixed_examples": "headway.techniques.behaviour.fixed_examples:FixedExamples",
        "nearest_examples": "headway.techniques.behaviour.nearest_examples:NearestExamples",
        "output_contract": "headway.techniques.behaviour.output_contract:OutputContract",
        "reasoning": "headway.techniques.behaviour.reasoning:Reasoning",
        "search_kind": "headway.techniques.context.search_kind:SearchKind",
        "rerank": "headway.techniques.context.rerank:Reranking",
        "passage_count": "headway.techniques.context.passage_count:PassageCount",
        "passage_size": "headway.techniques.context.passage_size:PassageSize",
        "settings": "headway.techniques.behaviour.settings:Settings",
    },
)

__all__ = ["TECHNIQUES"]
