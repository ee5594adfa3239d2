"""While it trains: what is heard is shown, and each epoch is measured as it comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from headway.core.errors import InputError, ModelError
from headway.core.findings import Estimate
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.protocols import ChatModel
from headway.core.training import Ask, Told
from headway.engine.compare import estimate
from headway.engine.run import Run, Runner
from headway.engine.tuning.preparing import Prepared
from headway.models.adapted import PREFIX
from headway.models.embedded import EmbeddedChat
from headway.models.tuned import BESIDE
from headway.training.answering import TransformersChat

OVER = 1.5  # times the minutes asked for, at which a training that is slower than planned ends


async def converted(ready: Prepared, adapter: Path) -> Path:
    """The adapter in GGUF's form, beside the one in peft's."""
    from headway.training.gguf import write_adapter

    file = adapter / BESIDE
    if not file.is_file():
        await asyncio.to_thread(write_adapter, adapter, Path(ready.start.base.path), file)
    return file


class Follower:
    """Hears a trainer (core.training.Follow). `runs`: by epoch, over what is held out of train.
    `late`: whether it was ended for want of minutes, and would go on with more."""

    def __init__(self, runner: Runner, ready: Prepared, seconds: float) -> None:
        """seconds: of training that this stage may take."""
        self.runner, self.ready = runner, ready
        self.metric = runner.desk.task.metric
        self.most = seconds
        self.runs: dict[int, Run] = {}
        self.late = False

    async def __call__(self, told: Told) -> bool:
        """Whether to go on."""
        tell, data = self.runner.progress, told.data
        if told.kind == "step":
            # A command of one's own says what it says: any of these may be unknown.
            done, total = int(data.get("step") or 0), int(data.get("steps") or 0)
            passed = float(data.get("seconds") or 0)
            left = passed / done * (total - done) if done and total and passed else None
            loss = data.get("loss")
            shown = {} if loss is None else {"loss": float(loss)}
            tell(Event("tick", "steps", done, total, left, data=shown))
        elif told.kind == "start" and (left := data.get("left_out")):
            self.runner.desk.parts.notices.add(
                f"{left} samples are longer than the trainer takes, and were left out: --max-tokens"
            )
        elif told.kind == "note":
            tell(Event("notice", str(data.get("text", ""))))
        elif told.kind == "epoch":
            number, passed = int(data["epoch"]), float(data.get("seconds") or 0)
            await self.measure(number, Path(str(data["adapter"])), told.ask)
            self.late = passed * (number + 1) / number > self.most
            return not self.late and self._rises(number)
        return True

    def _rises(self, number: int) -> bool:
        """False where the last two epochs are no better than the best before them."""
        found = [self.score(i) for i in range(1, number + 1)]
        scores = [s.mean for s in found if s is not None and s.mean is not None]
        return len(scores) < 3 or max(scores[-2:]) > max(scores[:-2])

    async def measure(self, number: int, adapter: Path, ask: Ask | None = None) -> None:
        """Score an epoch's adapter over what is held out, once; where it can be asked here. ask: by
        the process that trains it, while it waits."""
        if number in self.runs or not self.ready.held or not self.ready.here:
            return
        name = f"{PREFIX}{adapter.parent.name}.{adapter.name}"
        parts = self.runner.desk.parts
        parts.lend_chat(name, await self._opened(name, adapter, ask))
        try:
            self.runs[number] = await self.held(self.ready.after.model_copy(update={"model": name}))
        except (ModelError, InputError) as error:
            if self.ready.start.served:
                raise
            parts.notices.add(f"epoch {number} could not be asked here: {error.what}")
        finally:
            await parts.close_chat(name)

    async def _opened(self, name: str, adapter: Path, ask: Ask | None) -> ChatModel:
        base = self.ready.start.base
        if self.ready.start.served:
            file = await converted(self.ready, adapter)
            return await asyncio.to_thread(EmbeddedChat, name, Path(base.path), adapter=file)
        folder = adapter.parent / "answers"
        return TransformersChat.over(name, base, adapter, folder, self.ready.how, ask)

    async def held(self, pipeline: Pipeline) -> Run:
        """A pipeline over what is held out."""
        resolved = self.runner.desk.parts.resolve(pipeline)
        return await self.runner.run(resolved, self.ready.held, split="train")

    def score(self, number: int) -> Estimate | None:
        """The task's metric of an epoch, where it was measured."""
        run = self.runs.get(number)
        return estimate(run.scores(self.metric), run.groups) if run else None
