"""Adapters and merged weights in GGUF's form: every number of tiny ones, and that llama.cpp serves
of a real model what transformers and peft say."""

from __future__ import annotations

import asyncio
import json
import os
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headway.core.errors import InputError
from headway.core.record import ChatRequest, Message
from headway.core.weights import check_fit, read_head
from headway.models.embedded import EmbeddedChat, Settings
from headway.models.pull import pull
from headway.training import gguf as converting
from headway.training.gguf import MODULES, QUANTISATIONS, merge, write_adapter

gguf = pytest.importorskip("gguf")
pytest.importorskip("safetensors")

Floats = NDArray[np.float32]

BLOCKS, WIDTH, INNER, HEADS, KV, HEAD = 2, 64, 96, 4, 2, 16
SHAPES = {
    "attn_q": (HEADS * HEAD, WIDTH), "attn_k": (KV * HEAD, WIDTH), "attn_v": (KV * HEAD, WIDTH),
    "attn_output": (WIDTH, HEADS * HEAD), "ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH),
    "ffn_down": (WIDTH, INNER),
}  # fmt: skip


def write_peft(folder: Path, matrices: Mapping[str, Any], **config: Any) -> Path:
    """The two files of an adapter."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(matrices), str(folder / "adapter_model.safetensors"))
    held = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8, "bias": "none",
        "target_modules": [module.rpartition(".")[2] for module in MODULES],
    } | config  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(held))
    return folder


def random_matrices(
    base: Path, rank: int, scale: float, layers: Sequence[str] = tuple(SHAPES), seed: int = 0
) -> dict[str, Floats]:
    """lora_A and lora_B of the named layers, of the shapes that the base has."""
    head, random = read_head(base), np.random.default_rng(seed)
    made = {}
    for block in range(head.values[f"{head.architecture}.block_count"]):
        for module, layer in MODULES.items():
            if layer in layers:
                rows, columns = head.tensors[f"blk.{block}.{layer}.weight"].shape
                key = f"base_model.model.model.layers.{block}.{module}.lora_"
                down = random.normal(size=(rank, columns)) / np.sqrt(columns)
                made[f"{key}A.weight"] = down.astype(np.float32)
                made[f"{key}B.weight"] = (scale * random.normal(size=(rows, rank))).astype("f4")
    return made


def write_base(file: Path, architecture: str = "llama", kind: str = "Q8_0") -> Path:
    """A model's file with all that a merge has to carry over: keys of every sort, a norm, an
    embedding."""
    random = np.random.default_rng(3)
    writer = gguf.GGUFWriter(file, architecture)
    writer.add_type("model")
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_Q8_0))
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV)
    writer.add_token_list(["a", "é", "<|im_end|>"])
    writer.add_chat_template("{{ messages }}")
    of = gguf.GGMLQuantizationType[kind]
    shapes = {f"blk.{b}.{name}.weight": s for b in range(BLOCKS) for name, s in SHAPES.items()}
    for name, shape in {"token_embd.weight": (5, WIDTH), **shapes}.items():
        weights = random.normal(size=shape).astype(np.float32)
        writer.add_tensor(name, gguf.quants.quantize(weights, of), raw_dtype=of)
    writer.add_tensor("output_norm.weight", random.normal(size=WIDTH).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture(params=["llama", "qwen2"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_base(tmp_path / f"{request.param}.gguf", request.param)


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    return write_base(tmp_path / "llama.gguf")


def tensors(file: Path) -> dict[str, Floats]:
    """All tensors of a file, dequantised, by the package gguf alone."""
    found = gguf.GGUFReader(file).tensors
    return {t.name: gguf.quants.dequantize(t.data, t.tensor_type).copy() for t in found}


def moved(rows: Floats, heads: int) -> Floats:
    """Row by row: number i of a half goes to place 2i of its head, of the other half to 2i + 1."""
    out, size = np.empty_like(rows), len(rows) // heads
    for head in range(heads):
        for i in range(size // 2):
            out[head * size + 2 * i] = rows[head * size + i]
            out[head * size + 2 * i + 1] = rows[head * size + size // 2 + i]
    return out


def learned(matrices: Mapping[str, Floats], base: Path) -> dict[str, tuple[Floats, Floats]]:
    """(A, B) by GGUF's names, B in the base's order."""
    found = {}
    for key in (key for key in matrices if key.endswith("A.weight")):
        _, _, _, _, block, *path, _, _ = key.split(".")
        layer = MODULES[".".join(path)]
        up = matrices[key.replace("lora_A", "lora_B")]
        if base.stem == "llama" and layer in ("attn_q", "attn_k"):
            up = moved(up, HEADS if layer == "attn_q" else KV)
        found[f"blk.{block}.{layer}.weight"] = (matrices[key], up)
    assert len(found) == BLOCKS * len(SHAPES)
    return found


def test_an_adapter_holds_every_matrix_in_the_bases_order(base: Path, tmp_path: Path) -> None:
    matrices = random_matrices(base, 4, 1.0)
    out = tmp_path / "new" / "adapter.gguf"
    write_adapter(write_peft(tmp_path / "peft", matrices), base, out)
    held, head = tensors(out), read_head(out)
    expected = learned(matrices, base)
    for name, (down, up) in expected.items():
        np.testing.assert_array_equal(held[f"{name}.lora_a"], down)
        np.testing.assert_array_equal(held[f"{name}.lora_b"], up)
    assert len(held) == 2 * len(expected)
    assert head.architecture == base.stem
    assert head.values["general.type"] == "adapter"
    assert head.values["adapter.type"] == "lora"
    assert head.values["adapter.lora.alpha"] == 8.0
    check_fit(head, read_head(base))


def test_the_same_weights_give_the_same_bytes(llama: Path, tmp_path: Path) -> None:
    peft = write_peft(tmp_path / "peft", random_matrices(llama, 4, 1.0))
    for name in ("a", "b"):
        write_adapter(peft, llama, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def safetensors_of(kind: str, matrices: Mapping[str, NDArray[Any]]) -> bytes:
    """A file in that form, written by hand: numpy has no bfloat16."""
    head, data = {}, b""
    for key, matrix in matrices.items():
        places = [len(data), len(data) + matrix.nbytes]
        head[key] = {"dtype": kind, "shape": list(matrix.shape), "data_offsets": places}
        data += matrix.tobytes()
    said = json.dumps(head).encode()
    return struct.pack("<Q", len(said)) + said + data


def test_halves_of_a_float_are_read(llama: Path, tmp_path: Path) -> None:
    # Multiples of 1/64 below 4, which both types hold exactly.
    whole = {
        key: (np.round(m * 64) / 64).clip(-3, 3) for key, m in random_matrices(llama, 4, 1).items()
    }
    peft = write_peft(tmp_path / "peft", whole)
    write_adapter(peft, llama, tmp_path / "whole.gguf")
    halves = {
        "BF16": {key: (m.view("<u4") >> 16).astype("<u2") for key, m in whole.items()},
        "F16": {key: m.astype("<f2") for key, m in whole.items()},
    }
    for kind, matrices in halves.items():
        (peft / "adapter_model.safetensors").write_bytes(safetensors_of(kind, matrices))
        write_adapter(peft, llama, tmp_path / f"{kind}.gguf")
        assert (tmp_path / f"{kind}.gguf").read_bytes() == (tmp_path / "whole.gguf").read_bytes()


def test_a_merge_adds_what_was_learned_and_copies_the_rest(base: Path, tmp_path: Path) -> None:
    matrices = random_matrices(base, 4, 1.0)
    out = tmp_path / "merged.gguf"
    merge(write_peft(tmp_path / "peft", matrices), base, out, "f32")
    before, after, expected = tensors(base), tensors(out), learned(matrices, base)
    assert list(before) == list(after)
    for name, weights in before.items():
        if name in expected:
            down, up = expected[name]
            np.testing.assert_allclose(after[name], weights + 2.0 * up @ down, atol=1e-5)
            assert np.abs(2.0 * up @ down).max() > 0.5
        else:
            np.testing.assert_array_equal(after[name], weights)
    old, new = gguf.GGUFReader(base), gguf.GGUFReader(out)
    assert new.fields["general.file_type"].contents() == gguf.LlamaFileType.ALL_F32
    for name, field in old.fields.items():
        if name != "general.file_type":
            assert new.fields[name].contents() == field.contents(), name
    kinds = {t.name: t.tensor_type.name for t in new.tensors}
    assert kinds["token_embd.weight"] == "Q8_0"
    assert kinds["blk.1.ffn_up.weight"] == kinds["output_norm.weight"] == "F32"


LOSS = {"f32": 0, "f16": 1e-3, "bf16": 1e-2, "q8_0": 0.01, "q5_1": 0.04, "q5_0": 0.05,
        "q4_1": 0.08, "q4_0": 0.1}  # fmt: skip
"""Root of the mean squared loss to each type, as a part of the weights' own, at most."""


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_merged_weights_are_written_in_the_type_asked(
    llama: Path, tmp_path: Path, quantisation: str
) -> None:
    peft = write_peft(tmp_path / "peft", random_matrices(llama, 4, 1.0))
    exact, out = tmp_path / "exact.gguf", tmp_path / "merged.gguf"
    merge(peft, llama, exact, "f32")
    merge(peft, llama, out, quantisation, whole=True)
    wanted, found = tensors(exact), tensors(out)
    for tensor in gguf.GGUFReader(out).tensors:
        kind = "F32" if tensor.name == "output_norm.weight" else quantisation.upper()
        assert tensor.tensor_type.name == kind
        loss = np.sqrt(np.mean((found[tensor.name] - wanted[tensor.name]) ** 2))
        assert loss <= LOSS[quantisation] * np.sqrt(np.mean(wanted[tensor.name] ** 2)) + 1e-6
    assert set(LOSS) == set(QUANTISATIONS)


def test_rows_that_blocks_do_not_divide_stay_in_f16(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(SHAPES, "ffn_down", (WIDTH, 40))
    base = write_base(tmp_path / "llama.gguf", kind="F16")
    peft = write_peft(tmp_path / "peft", random_matrices(base, 4, 1.0))
    merge(peft, base, tmp_path / "out.gguf", "q4_0")
    kinds = {t.name: t.tensor_type.name for t in gguf.GGUFReader(tmp_path / "out.gguf").tensors}
    assert kinds["blk.0.ffn_down.weight"] == "F16"
    assert kinds["blk.0.ffn_up.weight"] == "Q4_0"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"use_rslora": True}, "use_rslora"),
        ({"use_dora": True}, "use_dora"),
        ({"bias": "lora_only"}, "bias lora_only"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"alpha_pattern": {"q_proj": 4}}, "alpha_pattern"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights pissa"),
        ({"peft_type": "IA3"}, "peft_type IA3"),
        ({"lora_alpha": 0}, "lora_alpha 0"),
    ],
)
def test_another_kind_of_adapter_is_refused(
    llama: Path, tmp_path: Path, config: dict[str, Any], said: str
) -> None:
    peft = write_peft(tmp_path / "peft", random_matrices(llama, 4, 1.0), **config)
    with pytest.raises(InputError, match=f"does not take this kind of adapter: .*{said}"):
        write_adapter(peft, llama, tmp_path / "out.gguf")
    with pytest.raises(InputError, match=re.escape(str(peft / "adapter_config.json"))):
        merge(peft, llama, tmp_path / "out.gguf", "f16")
    assert not (tmp_path / "out.gguf").exists()


FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_model.model.lm_head.lora_A.weight": np.zeros((4, 64), "f4")}, "lm_head.lora_A"),
        ({FIRST + "A.weight": np.full((4, 64), np.nan, "f4")}, "the training diverged"),
        ({FIRST + "A.weight": np.zeros((4, 63), "f4")}, r"\[64, 4\] x \[4, 63\].*\[64, 64\]"),
        ({FIRST + "A.weight": np.zeros((5, 64), "f4")}, r"\[64, 4\] x \[5, 64\]"),
        ({FIRST + "A.weight": np.zeros((4, 64), "i4")}, "is of type I32"),
        ({FIRST + "A.weight": None}, "one of lora_A and lora_B is missing"),
        ({FIRST.replace("layers.0", "layers.9") + p: np.zeros((64, 64), "f4")
          for p in ("A.weight", "B.weight")}, "blk.9.attn_q.weight, and the base has no such"),
    ],
)  # fmt: skip
def test_matrices_that_do_not_fit_are_refused(
    llama: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    matrices = {**random_matrices(llama, 4, 1.0), **change}
    peft = write_peft(tmp_path / "peft", {k: m for k, m in matrices.items() if m is not None})
    with pytest.raises(InputError, match=said):
        write_adapter(peft, llama, tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()


def test_an_adapter_of_nothing_and_a_base_of_another_kind_are_refused(
    llama: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.gguf"
    with pytest.raises(InputError, match="no adapter in peft's form"):
        write_adapter(tmp_path / "none", llama, out)
    with pytest.raises(InputError, match="holds no matrices"):
        write_adapter(write_peft(tmp_path / "empty", {}), llama, out)
    peft = write_peft(tmp_path / "peft", random_matrices(llama, 4, 1.0))
    with pytest.raises(InputError, match=r"architecture gemma .*\n.*llama or qwen2"):
        write_adapter(peft, write_base(tmp_path / "g.gguf", "gemma"), out)
    write_adapter(peft, llama, out)
    with pytest.raises(InputError, match=r"llama \(adapter\)"):
        merge(peft, out, tmp_path / "merged.gguf", "f16")
    with pytest.raises(InputError, match="'q4_k_m'") as caught:
        merge(peft, llama, tmp_path / "merged.gguf", "q4_k_m")
    assert "q8_0" in str(caught.value)


def test_what_stands_there_stays_when_a_merge_fails(llama: Path, tmp_path: Path) -> None:
    peft = write_peft(tmp_path / "peft", random_matrices(llama, 4, 1.0))
    home = tmp_path / "home"
    merge(peft, llama, home / "merged.gguf", "f16")
    before = (home / "merged.gguf").read_bytes()
    llama.write_bytes(llama.read_bytes()[:-400])  # its last tensor is cut off
    with pytest.raises(InputError, match="ends before its last tensor"):
        merge(peft, llama, home / "merged.gguf", "q8_0")
    assert [p.name for p in home.iterdir()] == ["merged.gguf"]
    assert (home / "merged.gguf").read_bytes() == before


@settings(max_examples=60)
@given(data=st.binary(max_size=200), which=st.sampled_from(["config.json", "model.safetensors"]))
def test_damaged_files_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, which: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    base = folder / "llama.gguf"
    if not base.exists():
        write_base(base)
        write_peft(folder / "peft", random_matrices(base, 4, 1.0))
    file = folder / "peft" / f"adapter_{which}"
    kept = file.read_bytes()
    try:
        for bytes_ in (data, kept[: len(data)], kept[: len(kept) // 2] + data):
            file.write_bytes(bytes_)
            with pytest.raises(InputError, match=re.escape(str(file))):
                write_adapter(folder / "peft", base, folder / "out.gguf")
    finally:
        file.write_bytes(kept)


# --- real models ------------------------------------------------------------------------------

ASKED = (
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "Name three colours.",
    "What is 12 plus 7?",
    "What do bees make?",
)
LONG = 12


def served(weights: Path, adapter: Path | None = None) -> list[str]:
    """Greedy text, one call at a time, from the beginning."""

    async def all_of_them() -> list[str]:
        model = EmbeddedChat("x", weights, "0" * 64, Settings(slots=1, context=256), adapter)
        try:
            return [
                (await model.chat(ChatRequest((Message("user", ask),), max_tokens=LONG))).text
                for ask in ASKED
            ]
        finally:
            await model.close()

    return asyncio.run(all_of_them())


def reference(base: Path, peft_folder: Path) -> list[str]:
    """The same by transformers and peft, in float32, from the same file."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")
    of = {"pretrained_model_name_or_path": str(base.parent), "gguf_file": base.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**of)
    model = transformers.AutoModelForCausalLM.from_pretrained(**of, dtype=torch.float32)
    model = peft.PeftModel.from_pretrained(model, str(peft_folder)).eval()
    texts = []
    for ask in ASKED:
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": ask}],
            add_generation_prompt=True, return_tensors="pt", return_dict=True,
        )  # fmt: skip
        with torch.no_grad():
            made = model.generate(**asked, max_new_tokens=LONG, do_sample=False)
        texts.append(tokenizer.decode(made[0, asked["input_ids"].shape[1] :], True))
    return texts


def equal(a: list[str], b: list[str]) -> int:
    return sum(x.strip() == y.strip() for x, y in zip(a, b, strict=True))


@pytest.mark.embedded
def test_what_is_served_is_what_peft_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On q and k alone, where the order of rows decides. Merged in float32 every number is as in
    transformers, so the texts are equal; over a base in few bits llama.cpp rounds activations to
    8 bits, which tips a near tie now and then."""
    monkeypatch.setenv("HEADWAY_THREADS", os.environ.get("HEADWAY_THREADS", "1"))
    base = asyncio.run(pull("embedded/smollm2-135m"))
    matrices = random_matrices(base, 8, 0.15, ("attn_q", "attn_k"))
    targets = ["q_proj", "k_proj"]
    peft = write_peft(tmp_path / "peft", matrices, r=8, lora_alpha=16, target_modules=targets)
    wanted = reference(base, peft)
    adapter, merged = tmp_path / "adapter.gguf", tmp_path / "merged.gguf"
    write_adapter(peft, base, adapter)
    by_adapter = served(base, adapter)
    merge(peft, base, merged, "f32", whole=True)
    whole = served(merged)
    monkeypatch.setattr(converting, "_in_order", lambda name, up, base: up)
    write_adapter(peft, base, adapter)
    wrong = served(base, adapter)

    assert equal(whole, wanted) >= len(ASKED) - 1
    assert equal(by_adapter, wanted) >= len(ASKED) // 2
    assert equal(wrong, wanted) <= 1  # the proof that this test sees the order of rows
