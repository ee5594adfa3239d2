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
        "diverse_examples": "headway.techniques.behaviour.diverse_examples:DiverseExamples",
        "balanced_examples": "headway.techniques.behaviour.balanced_examples:BalancedExamples",
        "matched_examples": "headway.techniques.behaviour.matched_examples:MatchedExamples",
        "bootstrapped_examples": (
            "headway.techniques.behaviour.bootstrapped_examples:BootstrappedExamples"
        ),
        "meta_prompt": "headway.techniques.behaviour.meta_prompt:MetaPrompt",
        "output_contract": "headway.techniques.behaviour.output_contract:OutputContract",
        "reasoning": "headway.techniques.behaviour.reasoning:Reasoning",
        "stages": "headway.techniques.behaviour.stages:Stages",
        "voting": "headway.techniques.behaviour.voting:Voting",
        "best_of_n": "headway.techniques.behaviour.best_of_n:BestOfN",
        "missed": "headway.techniques.behaviour.missed:Missed",
        "react": "headway.techniques.behaviour.react:ReasonAndAct",
        "quotes": "headway.techniques.behaviour.quotes:Quotes",
        "fact_check": "headway.techniques.behaviour.fact_check:FactCheck",
        "abstention": "headway.techniques.behaviour.abstention:Abstention",
        "search_kind": "headway.techniques.context.search_kind:SearchKind",
        "rerank": "headway.techniques.context.rerank:Reranking",
        "rules": "headway.techniques.context.rules:Rules",
        "embedded_line": "headway.techniques.context.embedded_line:EmbeddedLine",
        "surroundings": "headway.techniques.context.surroundings:Surroundings",
        "passage_unit": "headway.techniques.context.passage_unit:PassageUnit",
        "passage_count": "headway.techniques.context.passage_count:PassageCount",
        "passage_size": "headway.techniques.context.passage_size:PassageSize",
        "score_gap": "headway.techniques.context.score_gap:ScoreGap",
        "compression": "headway.techniques.context.compression:Compression",
        "diversity": "headway.techniques.context.diversity:Diversity",
        "passage_order": "headway.techniques.context.passage_order:PassageOrder",
        "routing": "headway.techniques.context.routing:Routing",
        "condense": "headway.techniques.context.condense:Condensing",
        "history": "headway.techniques.context.history:HistoryShown",
        "query_expansion": "headway.techniques.context.query_expansion:QueryExpansion",
        "decomposition": "headway.techniques.context.decomposition:Decomposition",
        "hyde": "headway.techniques.context.hyde:Hyde",
        "search_again": "headway.techniques.context.search_again:SearchAgain",
        "embedder_adapter": "headway.techniques.context.embedder_adapter:EmbedderAdapter",
        "database": "headway.techniques.context.database:DatabaseQuery",
        "fine_tune": "headway.techniques.behaviour.fine_tune:FineTune",
        "settings": "headway.techniques.behaviour.settings:Settings",
    },
)

__all__ = ["TECHNIQUES"]
