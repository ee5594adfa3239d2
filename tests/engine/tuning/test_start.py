"""What a training starts from, and what is asked before a second is spent."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.core.errors import InputError, MissingExtra
from headway.core.training import Base
from headway.engine.tuning import start as starting
from headway.engine.tuning.preparing import TuneWish
from headway.engine.tuning.start import Start, able, servable
from headway.workspace import Workspace

MakeTask = Callable[..., Path]


def weights(folder: Path, architecture: str) -> Start:
    """The head of a GGUF file, and nothing behind it."""
    name, value = b"general.architecture", architecture.encode()
    file = folder / f"{architecture}.gguf"
    file.write_bytes(
        struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + struct.pack("<Q", len(name)) + name
        + struct.pack("<IQ", 8, len(value)) + value
    )  # fmt: skip
    return Start(Base(name=f"embedded/{file.name}", kind="gguf", path=str(file)))


HUB = Start(Base(name="owner/model", kind="hf", path="owner/model"))


def test_what_writes_a_commands_result_is_asked_for_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama = weights(tmp_path, "llama")
    monkeypatch.setattr(starting, "WRITING", ("json",))  # whatever is installed
    able(llama, "command")
    with pytest.raises(InputError, match="gemma3"):
        able(weights(tmp_path, "gemma3"), "command")
    monkeypatch.setattr(starting, "WRITING", ("no_such_package",))
    with pytest.raises(MissingExtra, match="finetune"):
        able(llama, "command")
    able(HUB, "command")  # peft's form is what the command itself leaves


async def test_a_commands_missing_package_is_told_in_the_plan(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_task("towns", knowledge=False)
    weights(folder, "llama")

    async def counted(parts: object, start: object, samples: list[object]) -> list[object]:
        return [(9, 1)] * len(samples)

    monkeypatch.setattr("headway.engine.tuning.preparing.tokens_of", counted)
    monkeypatch.setattr(starting, "WRITING", ("no_such_package",))
    wish = TuneWish(base="embedded/llama.gguf", trainer="command", command="true")
    async with Workspace.open(folder) as workspace:
        plan = await workspace.plan_tune("baseline", wish)
    (said,) = [item.text for item in plan.checks if item.name == "extra"]
    assert "headway[finetune]" in said


@pytest.mark.parametrize(
    ("serve", "start", "said"),
    [
        ("nohouse", HUB, "--serve nohouse names no model at an endpoint"),
        ("nohouse/mine", HUB, "HOUSE one of house, openai"),
        ("house/", HUB, "names no model"),
        ("house/mine", None, "leave --serve out"),
    ],
)
async def test_an_endpoint_that_could_not_serve_it_is_refused_before_training(
    make_task: MakeTask, serve: str, start: Start | None, said: str
) -> None:
    folder = make_task("towns", endpoints={"house": {"base_url": "http://localhost:8000/v1"}})
    task = Workspace.open(folder).task
    with pytest.raises(InputError) as caught:
        servable(task, start or weights(folder, "llama"), serve)
    assert said in str(caught.value)
    for fine in ("house/mine", "ollama/mine", None):
        servable(task, HUB, fine)
    async with Workspace.open(folder) as workspace:
        with pytest.raises(InputError, match="--serve nohouse"):
            await workspace.plan_tune("baseline", TuneWish(base="owner/model", serve="nohouse"))
