"""Names lead to backends: `provider/model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError, ModelError
from headway.core.protocols import ChatModel, EmbeddingModel, RerankModel
from headway.core.task import Endpoint, Task, TaskSpec
from headway.models import open_chat, open_embedding, open_rerank
from headway.models import pull as pulling
from headway.models.endpoint import EndpointChat


def task(tmp_path: Path, **fields: Any) -> Task:
    return Task(folder=tmp_path, spec=TaskSpec(name="t", **fields), examples=())


async def test_scripted_models_open_by_name() -> None:
    assert isinstance(await open_chat("scripted/echo"), ChatModel)
    assert isinstance(await open_embedding("scripted/words"), EmbeddingModel)
    assert isinstance(await open_rerank("scripted/overlap"), RerankModel)


async def test_a_task_s_endpoint_goes_before_a_backend_of_the_same_name(tmp_path: Path) -> None:
    mine = Endpoint(base_url="http://localhost:1/v1")
    said: list[str] = []
    model = await open_chat(
        "embedded/mine", task(tmp_path, endpoints={"embedded": mine}), notice=said.append
    )
    assert isinstance(model, EndpointChat)
    await model.close()


async def test_an_unpriced_endpoint_is_said(tmp_path: Path) -> None:
    house = Endpoint(base_url="http://localhost:1/v1")
    said: list[str] = []
    model = await open_chat(
        "house/m", task(tmp_path, endpoints={"house": house}), notice=said.append
    )
    await model.close()
    assert any("price of house/m is not known" in text for text in said)


@pytest.mark.parametrize("name", ["nowhere/m", "m", "embedded/absent", "embedded/bge-small-en"])
async def test_a_wrong_name_is_an_input_error(name: str) -> None:
    with pytest.raises(InputError) as caught:
        await open_chat(name)
    assert "valid:" in str(caught.value)


async def test_the_model_that_answers_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Identity is that of the weights really used, so no cache mixes the two."""

    async def fetch(name: str, progress: Any = None, notice: Any = None) -> Path:
        if name != "embedded/smollm2-135m":
            raise ModelError(f"no source has {name}")
        return Path("weights.gguf")

    monkeypatch.setattr(pulling, "pull", fetch)
    said: list[str] = []
    model = await open_chat("embedded/qwen2.5-coder-0.5b", notice=said.append)
    assert model.name == "embedded/smollm2-135m"
    assert "b179c9523d0e" in model.identity
    assert "embedded/smollm2-135m is used in its place" in said[0]
    await model.close()
