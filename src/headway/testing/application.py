"""What your own application must do to be measured. Subclass, say where it is, and pytest runs the
checks:

    class TestMine(ApplicationContract):
        folder = Path(__file__).parent      # the task folder
        target = "app.py:answer"            # or a URL
        inputs = {"question": "When does the harbour open?"}
        context = ("The harbour opens at six.",)
        expects = "six"                     # stands in the answer when that context is given

Every check makes real calls of the application, about thirty in all.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import orjson
import pytest

from headway.core.record import ApplicationReply, Passage
from headway.core.task import Task, TaskSpec
from headway.engine.application import Application

Result = TypeVar("Result")


class ApplicationContract:
    """Checks of an application: `answer(inputs, *, context=None, settings=None)` or a URL.

    inputs: of one example that it can answer. context: texts that answer it. expects: a text
    that stands in the answer when they are given; empty where that cannot be said. settings: as
    in task.yaml. at_once: calls in flight together. same: whether equal inputs give equal
    answers.
    """

    folder: Path = Path()
    target: str = "app.py:answer"
    inputs: ClassVar[Mapping[str, Any]] = {"question": "What is asked?"}
    context: ClassVar[Sequence[str]] = ("A text that may help.",)
    expects: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Sequence[Any]]] = {}
    at_once: ClassVar[int] = 8
    same: ClassVar[bool] = True

    def _with(self, work: Callable[[Application], Awaitable[Result]]) -> Result:
        spec = TaskSpec(name="contract", application=self.target)

        async def inside() -> Result:
            application = Application.open(Task(folder=self.folder, spec=spec, examples=()))
            try:
                return await work(application)
            finally:
                await application.close()

        return asyncio.run(inside())

    def _call(
        self, context: Sequence[str] | None = None, settings: Mapping[str, Any] | None = None
    ) -> ApplicationReply:
        return self._with(lambda it: it.call(self.inputs, context, settings))

    def test_answers_in_form(self) -> None:
        reply = self._call()
        assert reply.refused or reply.answer is not None
        orjson.dumps(reply.answer)
        assert reply.prompt_tokens >= 0
        assert reply.completion_tokens >= 0
        assert reply.usd is None or reply.usd >= 0

    def test_passages_are_texts_of_documents(self) -> None:
        for passage in self._call().passages or ():
            assert isinstance(passage, Passage)
            assert passage.text.strip(), "a passage without text cannot hold any evidence"
            assert passage.document
            assert 0 <= passage.start <= passage.end

    def test_uses_the_context_that_it_is_given(self) -> None:
        reply = self._call(context=tuple(self.context))
        assert reply.refused or reply.answer is not None
        if self.expects:
            text = reply.answer if isinstance(reply.answer, str) else str(reply.answer)
            assert self.expects in text

    def test_an_empty_context_is_answered_or_refused(self) -> None:
        reply = self._call(context=())
        assert reply.refused or reply.answer is not None

    def test_takes_every_setting(self) -> None:
        if not self.settings:
            pytest.skip("the application declares no settings")
        for name, values in self.settings.items():
            for value in values:
                reply = self._call(settings={name: value})
                assert reply.refused or reply.answer is not None, f"{name} = {value}"

    def test_leaves_its_inputs_alone(self) -> None:
        before = copy.deepcopy(dict(self.inputs))
        self._call()
        assert dict(self.inputs) == before

    def test_the_same_again(self) -> None:
        if not self.same:
            pytest.skip("the application says that its answers vary")
        assert self._call().answer == self._call().answer

    def test_many_calls_at_once_do_not_mix(self) -> None:
        async def many(it: Application) -> list[ApplicationReply]:
            calls = (it.call(self.inputs, None, None) for _ in range(self.at_once))
            return await asyncio.gather(*calls)

        replies = self._with(many)
        assert len(replies) == self.at_once
        assert all(reply.refused or reply.answer is not None for reply in replies)
        if self.same:
            assert len({orjson.dumps(reply.answer) for reply in replies}) == 1
