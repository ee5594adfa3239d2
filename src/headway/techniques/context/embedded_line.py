"""Index more, or less, above each passage than its text: a passage seldom says what it is about.

Compare Anthropic, 2024, "Introducing Contextual Retrieval", where a model writes such a line;
these come from the document, and cost no call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, Line, TechniqueContext
from headway.techniques.context.shown import cut_settings, search_settings, with_cut

LINES: dict[Line, str] = {
    "headings": "index passages with title and headings",
    "summary": "index passages with title and summary",
    "none": "index passages alone",
    "title": "index passages with the title",
}


class EmbeddedLine:
    """The lines above an indexed passage that the pipeline does not use now."""

    name: ClassVar[str] = "embedded_line"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "passages that say 'it' and 'this', under headings that say what"
    not_good_for: ClassVar[str] = "documents without headings; titles that say nothing"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "an index for each kind; nothing at a request"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Headings first: what is under them is cut off from them."""
        if search_settings(ctx.incumbent) is None:
            return
        now = cut_settings(ctx.incumbent).get("line", "title")
        for line, title in LINES.items():
            if line != now:
                yield Candidate(with_cut(ctx.incumbent, line=line), title)
