"""Turn what the user's own application declares under `settings:`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext


class Settings:
    """One candidate for each value of each setting, beside the values now in use."""

    name: ClassVar[str] = "settings"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "your own application with declared settings"
    not_good_for: ClassVar[str] = "pipelines of steps, which have techniques of their own"
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "not_found", "crowded_out")
    needs: ClassVar[tuple[str, ...]] = ("application",)
    costs: ClassVar[str] = "whatever your application's settings cost"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Every single change, in the order declared."""
        step = ctx.incumbent.step("application")
        if step is None:
            return
        now = dict(step.settings.get("settings") or {})
        for name, values in ctx.task.spec.settings.items():
            for value in values:
                if now.get(name, values[0]) != value:
                    yield Candidate(
                        ctx.incumbent.with_step("application", settings={**now, name: value}),
                        f"{name} = {value}",
                    )
