"""What `models check` finds is kept with the task, and used from then on."""

from __future__ import annotations

from typing import Any

from headway.testing.stub import StubServer
from headway.workspace import Workspace


async def test_what_a_check_finds_is_used(make_task: Any) -> None:
    async with StubServer("Arn", rejects=["max_tokens"]) as stub:
        folder = make_task(
            endpoints={"stub": {"base_url": stub.url}},
            models={"chat": "stub/m", "embed": "scripted/words", "rerank": "scripted/overlap"},
        )
        async with Workspace.open(folder) as workspace:
            found = await workspace.check_model("stub/m")
            assert found["token_field"] == "max_completion_tokens"
        asked = stub.requests
        async with Workspace.open(folder) as workspace:
            run = await workspace.evaluate(limit=3)
        # Not one request was refused: the name of the limit is known now.
        assert stub.requests == asked + 3
        assert (run.completed, run.usage.usd) == (3, None)
