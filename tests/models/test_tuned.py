"""Tuned chat models: what their folder says, what is refused, and that one is really served."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.files import sha256_of
from headway.core.record import ChatRequest, Message
from headway.core.task import Endpoint
from headway.models import Opening
from headway.models import embedded as module
from headway.models.adapted import Adapter, file_of
from headway.models.embedded import EmbeddedChat, Settings
from headway.models.pull import pull
from headway.models.tuned import Tuned, base_of, folder_of, lineage_of, open_tuned_chat
from headway.testing.models import ask
from headway.testing.stub import StubServer

BASE = "embedded/smollm2-135m"
LINEAGE = {"data": "abc", "samples": 40}


def keep(task: Path, name: str = "a", **fields: Any) -> Tuned:
    """A tuned model over a base that is a file of the task."""
    home = folder_of(f"tuned/{name}", task)
    home.mkdir(parents=True)
    (task / "base.gguf").write_bytes(b"the base")
    (home / "adapter.gguf").write_bytes(b"the adapter")
    given = {"base": "embedded/base.gguf", "base_file": task / "base.gguf", **fields}
    tuned = Tuned.of(home / "adapter.gguf", lineage=LINEAGE, **given)
    tuned.save()
    return tuned


def served(task: Path, rank: int = 8) -> Tuned:
    """One that an endpoint serves."""
    home = folder_of("tuned/big", task)
    home.mkdir(parents=True)
    (home / "adapter_model.safetensors").write_bytes(b"matrices")
    (home / "adapter_config.json").write_text(json.dumps({"r": rank}))
    tuned = Tuned.of(
        home / "adapter_model.safetensors", "Qwen/Qwen2.5-7B-Instruct", LINEAGE,
        served_as="house/big",
    )  # fmt: skip
    tuned.save()
    return tuned


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    tuned = keep(tmp_path)
    assert Tuned.load("tuned/a", tmp_path) == tuned
    assert tuned.name == "tuned/a"
    assert tuned.sha256 == sha256_of(tuned.file)
    assert tuned.base_sha256 == sha256_of(tmp_path / "base.gguf")
    assert sorted(p.name for p in tuned.file.parent.iterdir()) == ["adapter.gguf", "model.json"]


def test_what_has_to_be_fetched_is_the_base_of_an_adapter_alone(tmp_path: Path) -> None:
    keep(tmp_path)
    served(tmp_path)
    zeros = np.zeros((2, 3), np.float32)
    Adapter("scripted/words", zeros, zeros.T, {}).save(file_of("tuned/e", tmp_path))
    assert base_of("tuned/a", tmp_path) == "embedded/base.gguf"
    assert base_of("tuned/big", tmp_path) == "house/big"
    assert base_of("tuned/e", tmp_path) == "scripted/words"


def test_the_lineage_is_read_without_the_weights(tmp_path: Path) -> None:
    keep(tmp_path).file.unlink()
    assert lineage_of("tuned/a", tmp_path) == LINEAGE
    assert lineage_of("tuned/none", tmp_path) == {}


@pytest.mark.parametrize("name", ["tuned/", "tuned/../a", "tuned/a/b", "tuned/.a"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="not the name of a tuned chat model"):
        Tuned.load(name, tmp_path)


def test_the_names_of_those_that_are_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not there\n.*none in this task yet"):
        Tuned.load("tuned/b", tmp_path)
    keep(tmp_path)
    with pytest.raises(InputError, match=r"not there\n.*tuned/a\n.*headway tune"):
        Tuned.load("tuned/b", tmp_path)


def test_a_chat_models_name_does_not_embed_and_the_reverse(tmp_path: Path) -> None:
    keep(tmp_path)
    with pytest.raises(InputError, match="tuned/a is a tuned chat model, and an embedding model"):
        Adapter.load(file_of("tuned/a", tmp_path))
    zeros = np.zeros((2, 3), np.float32)
    Adapter("scripted/words", zeros, zeros.T, {}).save(file_of("tuned/e", tmp_path))
    with pytest.raises(InputError, match="tuned/e is a tuned embedding model, and a chat model"):
        Tuned.load("tuned/e", tmp_path)


def test_weights_of_other_bytes_are_refused(tmp_path: Path) -> None:
    tuned = keep(tmp_path)
    tuned.file.write_bytes(b"the adaptor")
    with pytest.raises(InputError, match=r"not the weights that model\.json tells of"):
        Tuned.load("tuned/a", tmp_path)
    tuned.file.unlink()
    with pytest.raises(InputError, match="the weights of this tuned model are not there"):
        Tuned.load("tuned/a", tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"kind": "embed"}, "'embed'"),
        ({"file": "../b/adapter.gguf"}, "its file is '../b/adapter.gguf'"),
        ({"file": "weights.gguf"}, "weights.gguf"),
        ({"base": "tuned/b"}, "its base is 'tuned/b'"),
        ({"base": 3}, "base is 3"),
        ({"base_sha256": ""}, "base_sha256"),
        ({"served_as": "house/a"}, "served_as"),
        ({"lineage": 3}, "int"),
    ],
)
def test_a_damaged_description_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    place = keep(tmp_path).save()
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    with pytest.raises(InputError, match=f"does not describe a tuned model .*{said}"):
        Tuned.load("tuned/a", tmp_path)


@settings(max_examples=50)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["format", "kind", "base", "file", "lineage"]), inner, max_size=4
        ),
        max_leaves=6,
    ).map(lambda plain: json.dumps(plain).encode())
)  # fmt: skip
def test_any_other_file_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    home = folder_of("tuned/any", tmp_path_factory.getbasetemp())
    home.mkdir(parents=True, exist_ok=True)
    (home / "model.json").write_bytes(data)
    with pytest.raises(InputError, match=r"model\.json"):
        Tuned.load("tuned/any", tmp_path_factory.getbasetemp())


# --- opening ----------------------------------------------------------------------------------


async def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    keep(tmp_path)
    (tmp_path / "base.gguf").write_bytes(b"another base")
    with pytest.raises(InputError, match=r"trained on another embedded/base\.gguf"):
        await open_tuned_chat("tuned/a", Opening(tmp_path))
    (tmp_path / "base.gguf").unlink()
    with pytest.raises(InputError, match="the base of tuned/a is not there"):
        await open_tuned_chat("tuned/a", Opening(tmp_path))
    keep(tmp_path, "of_catalogue", base=BASE)
    with pytest.raises(InputError, match=f"trained on another {BASE}: sha256"):
        await open_tuned_chat("tuned/of_catalogue", Opening(tmp_path))
    keep(tmp_path, "far", base="openai/gpt-4o")
    with pytest.raises(InputError, match="openai/gpt-4o, which does not run in this process"):
        await open_tuned_chat("tuned/far", Opening(tmp_path))
    assert not module._runtimes


async def test_merged_weights_need_no_base(tmp_path: Path) -> None:
    home = folder_of("tuned/m", tmp_path)
    home.mkdir(parents=True)
    (home / "merged.gguf").write_bytes(b"all weights")
    tuned = Tuned.of(home / "merged.gguf", BASE, LINEAGE)
    tuned.save()
    model = await open_tuned_chat("tuned/m", Opening(tmp_path))
    assert model.name == "tuned/m"
    assert f"gguf:{tuned.sha256}/" in model.identity
    assert "adapter" not in model.identity
    await model.close()
    assert base_of("tuned/m", tmp_path) == ""


async def test_a_task_without_the_endpoint_is_told_what_to_type(tmp_path: Path) -> None:
    tuned = served(tmp_path, rank=24)
    with pytest.raises(InputError, match="served as house/big, and the task has no endpoint house"):
        await open_tuned_chat("tuned/big", Opening(tmp_path))
    line = shlex.split(tuned.commands())
    assert line[:3] == ["vllm", "serve", "Qwen/Qwen2.5-7B-Instruct"]
    assert f"big={tuned.file.parent}" in line
    assert line[-2:] == ["--max-lora-rank", "32"]


async def test_a_served_one_is_asked_of_its_endpoint(tmp_path: Path) -> None:
    tuned = served(tmp_path)
    assert "--max-lora-rank" not in tuned.commands()  # 16 is vLLM's own
    async with StubServer(lambda messages: "from the service") as stub:
        endpoints = {"house": Endpoint(base_url=stub.url)}
        model = await open_tuned_chat("tuned/big", Opening(tmp_path, endpoints))
        assert (await model.chat(ask("Hello"))).text == "from the service"
        assert model.name == "house/big"
        await model.close()
        before = model.identity
        tuned.file.write_bytes(b"trained again")
        Tuned.of(tuned.file, tuned.base, LINEAGE, served_as="house/big").save()
        again = await open_tuned_chat("tuned/big", Opening(tmp_path, endpoints))
        assert again.identity != before
        await again.close()


def write_gguf_adapter(file: Path, rows: int = 192, seed: int = 0) -> Path:
    """On the values of SmolLM2's first block."""
    gguf = pytest.importorskip("gguf")
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    name = "blk.0.attn_v.weight"
    writer.add_tensor(f"{name}.lora_a", random.normal(size=(4, 576)).astype(np.float32))
    writer.add_tensor(f"{name}.lora_b", random.normal(size=(rows, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.mark.embedded
def test_a_tuned_model_of_the_catalogue_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWAY_THREADS", "1")
    base = asyncio.run(pull(BASE))
    home = folder_of("tuned/a", tmp_path)
    home.mkdir(parents=True)
    adapter = write_gguf_adapter(home / "adapter.gguf")
    Tuned.of(adapter, BASE, LINEAGE, base_file=base).save()
    request = ChatRequest((Message("user", "What is the capital of France?"),), max_tokens=8)

    async def answers() -> None:
        plain = EmbeddedChat(BASE, base, sha256_of(base), Settings())
        tuned = await open_tuned_chat("tuned/a", Opening(tmp_path))
        try:
            assert tuned.name == "tuned/a"
            assert tuned.identity == f"{plain.identity}/adapter:{sha256_of(adapter)}"
            assert len(module._runtimes) == 2
            text = (await tuned.chat(request)).text
            assert text != (await plain.chat(request)).text
            # Other bytes at the same place are another model, also while the first is open.
            write_gguf_adapter(adapter, seed=1)
            Tuned.of(adapter, BASE, LINEAGE, base_file=base).save()
            again = await open_tuned_chat("tuned/a", Opening(tmp_path))
            assert len(module._runtimes) == 3
            assert (await again.chat(request)).text != text
            await again.close()
        finally:
            await tuned.close()
            await plain.close()
        assert not module._runtimes
        write_gguf_adapter(adapter, rows=190)
        Tuned.of(adapter, BASE, LINEAGE, base_file=base).save()
        with pytest.raises(InputError, match=r"\[190, 4\] x \[4, 576\], and the base's is \[192"):
            await open_tuned_chat("tuned/a", Opening(tmp_path))

    asyncio.run(answers())
