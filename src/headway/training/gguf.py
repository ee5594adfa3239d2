"""What was trained, in the form that llama.cpp serves: an adapter beside its base, or one file.

    peft's folder ──write_adapter──> adapter.gguf            served over the base, at once
          │
          └────────merge with base.gguf──> merged.gguf       one file, in a type of your choice

- Of a model of the *llama* architecture llama.cpp keeps the rows of q and k in another order than
  Hugging Face, since it rotates neighbouring numbers where Hugging Face rotates halves of a head.
  What is added to those rows has to be put into the same order.
- What the adapter does not touch is copied as it is, byte by byte: embeddings, norms, tokenizer,
  chat template.
- A base in few bits was dequantised for training. A merge quantises the sum anew, and in 4 or 5
  bits that can lose most of a small change; the adapter beside its base loses none of it.
- Over weights in few bits llama.cpp rounds activations to 8 bits, which a trainer does not, so a
  near tie may fall the other way. All in f32 (`whole`) the texts were the trainer's own.

Needs the extra `finetune` (gguf, safetensors), not torch.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from headway.core.errors import InputError, MissingExtra
from headway.core.files import in_full
from headway.core.training import ADAPTER
from headway.core.weights import MAGIC, Head, Tensor, check_pair, read_head

Matrix = NDArray[np.float32]

MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Linear layers of a block: Hugging Face's name and GGUF's, of both architectures."""
ARCHITECTURES = {"llama": {"attn_q": "head_count", "attn_k": "head_count_kv"}, "qwen2": {}}
"""By architecture, the layers whose rows are in another order, and the key of their heads."""
QUANTISATIONS = {
    "f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "q8_0": "MOSTLY_Q8_0",
    "q5_1": "MOSTLY_Q5_1", "q5_0": "MOSTLY_Q5_0", "q4_1": "MOSTLY_Q4_1", "q4_0": "MOSTLY_Q4_0",
}  # fmt: skip
"""Types that can be written, and how a file says that it is of them. The K-types (q4_k_m, q6_k)
are not among them: the package `gguf` only reads those."""
FLOATS = {"F32": "<f4", "F16": "<f2"}
VERSION = 3

_NAME = re.compile(r"base_model\.model\.model\.layers\.(\d+)\.([a-z_.]+)\.lora_([AB])\.weight")
# Of these ways to begin, the weights of the base stay as they were; others change them too, and
# then the saved matrices alone are not what was learned.
_BEGINNINGS = (True, False, None, "gaussian", "eva", "orthogonal")
# Whatever of peft's settings changes what two matrices mean. Absent or empty is as usual.
_UNUSUAL = (
    "use_rslora", "use_dora", "modules_to_save", "alpha_pattern", "fan_in_fan_out", "lora_bias",
    "layer_replication", "trainable_token_indices", "target_parameters", "alora_invocation_tokens",
    "use_qalora", "use_bdlora", "arrow_config", "kasa_config", "monteclora_config",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """What is added to one tensor: alpha / rank * up @ down; rows of `up` in the base's order."""

    down: Matrix
    up: Matrix


def write_adapter(adapter: Path, base: Path, out: Path) -> None:
    """A folder in peft's form as a GGUF adapter for the model in the file `base`.

    Same weights give the same bytes. In float32: nothing is rounded, and float16 was not served
    faster (SmolLM2-135M, rank 16, one thread: 60 and 53 tokens a second, 72 without an adapter).
    Raises InputError for an adapter that is not plain LoRA, whose layers llama.cpp
    does not know or that does not fit the base; MissingExtra.
    """
    gguf, _ = _libraries()
    head = base_of(base)
    alpha, pairs = _pairs(adapter, head)
    with in_full(out) as place:
        writer = gguf.GGUFWriter(place, head.architecture)
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", alpha)
        for name, pair in sorted(pairs.items()):
            writer.add_tensor(f"{name}.lora_a", np.ascontiguousarray(pair.down))
            writer.add_tensor(f"{name}.lora_b", np.ascontiguousarray(pair.up))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def merge(adapter: Path, base: Path, out: Path, quantisation: str, *, whole: bool = False) -> None:
    """The model of the file `base` with the adapter added, as one GGUF file.

    quantisation: one of QUANTISATIONS, for every tensor that the adapter touches; `whole`: for
    every matrix, embeddings too. Rows that the blocks of the type do not divide are kept in f16.
    One tensor at a time is in memory. Raises as write_adapter().
    """
    gguf, _ = _libraries()
    if quantisation not in QUANTISATIONS:
        raise InputError(
            f"merged weights cannot be written as {quantisation!r}",
            valid=", ".join(QUANTISATIONS),
            do="merge as f16; llama-quantize of llama.cpp writes the other types from that",
        )
    head = base_of(base)
    alpha, pairs = _pairs(adapter, head)
    kinds = gguf.GGMLQuantizationType
    wanted = kinds[quantisation.upper()]

    def kind_of(name: str, tensor: Tensor) -> Any:
        if name not in pairs and not (whole and len(tensor.shape) > 1):
            return kinds(tensor.kind)
        return kinds.F16 if tensor.shape[-1] % gguf.GGML_QUANT_SIZES[wanted][0] else wanted

    plan = {name: kind_of(name, tensor) for name, tensor in head.tensors.items()}
    keys = _retyped(head, int(gguf.LlamaFileType[QUANTISATIONS[quantisation]]))
    stored = np.memmap(base, np.uint8, "r")
    with in_full(out) as place, place.open("wb") as stream:
        stream.write(_preface(head, keys, plan))
        for name, tensor in head.tensors.items():
            _pad(stream, head.alignment)
            data = _stored(stored, tensor, kinds(tensor.kind), base)
            if name in pairs or plan[name] != tensor.kind:
                data = _sum(data, tensor, kinds(tensor.kind), pairs.get(name), alpha, plan[name])
            stream.write(data.tobytes())
        _pad(stream, head.alignment)


# --- what was trained -------------------------------------------------------------------------


def _pairs(adapter: Path, base: Head) -> tuple[float, dict[str, Pair]]:
    """alpha, and by the base's names what is added to its tensors."""
    alpha = _settings(adapter / ADAPTER[0])
    file = adapter / ADAPTER[1]
    halves: dict[str, dict[str, Matrix]] = {}
    for key, matrix in _matrices(file):
        found = _NAME.fullmatch(key)
        if not found or found[2] not in MODULES:
            raise InputError(
                f"{key} is no linear layer of a block, and llama.cpp takes adapters of those",
                where=str(file),
                valid=", ".join(module.rpartition(".")[2] for module in MODULES),
                do="train with these as target_modules",
            )
        if not np.isfinite(matrix).all():
            raise InputError(
                f"{key} holds numbers that are not finite: the training diverged",
                where=str(file),
                do="train again with a lower rate",
            )
        halves.setdefault(f"blk.{found[1]}.{MODULES[found[2]]}.weight", {})[found[3]] = matrix

    def wrong(what: str) -> InputError:
        return InputError(
            what, where=str(file), valid=f"LoRA matrices for {base.file.name}",
            do="name the base that it was trained on",
        )  # fmt: skip

    pairs = {}
    for name, half in halves.items():
        if len(half) < 2:
            raise wrong(f"of {name} one of lora_A and lora_B is missing")
        check_pair(name, half["A"].shape, half["B"].shape, base, wrong)
        pairs[name] = Pair(half["A"], _in_order(name, half["B"], base))
    if not pairs:
        raise wrong("the adapter holds no matrices")
    return alpha, pairs


def _settings(file: Path) -> float:
    """lora_alpha, where two matrices and it are all that was learned."""
    try:
        held = orjson.loads(file.read_bytes())
        usual = held["peft_type"] == "LORA"
        alpha = float(held["lora_alpha"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"this is no adapter in peft's form ({type(error).__name__}: {error})",
            where=str(file),
            valid=f"a folder with {' and '.join(ADAPTER)}, as peft's save_pretrained() writes it",
        ) from None
    unusual = [name for name in _UNUSUAL if held.get(name)]
    unusual += [f"bias {held['bias']}"] if held.get("bias", "none") != "none" else []
    start = held.get("init_lora_weights", True)
    unusual += [] if start in _BEGINNINGS else [f"init_lora_weights {start}"]
    if not usual or unusual or not alpha > 0:
        what = ", ".join(unusual) or f"peft_type {held['peft_type']}, lora_alpha {alpha}"
        raise InputError(
            f"llama.cpp does not take this kind of adapter: {what}",
            where=str(file),
            valid="plain LoRA: two matrices a layer, alpha above 0, one alpha for all",
            do="train without it, or merge with peft (merge_and_unload) and convert that",
        )
    return alpha


def _matrices(file: Path) -> Iterator[tuple[str, Matrix]]:
    """Each tensor of a safetensors file, as float32."""
    _libraries()
    import safetensors

    try:
        held = safetensors.deserialize(file.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(
            f"these matrices cannot be read ({error})", where=str(file),
            valid="a whole file in safetensors' form; torch's .bin is not read",
        ) from None  # fmt: skip
    for name, one in held:
        kind, shape, data = one["dtype"], one["shape"], one["data"]
        if kind == "BF16":  # the upper half of a float32; numpy has no such type
            matrix = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        elif kind in FLOATS:
            matrix = np.frombuffer(data, FLOATS[kind]).astype(np.float32)
        else:
            raise InputError(f"{name} is of type {kind}", where=str(file), valid="F32, F16 or BF16")
        yield name, matrix.reshape(shape)


# --- the base ---------------------------------------------------------------------------------


def base_of(file: Path) -> Head:
    """What a file says of itself. Raises InputError for weights over which no adapter could be
    written."""
    head = read_head(file)
    kind = head.values.get("general.type", "model")
    if kind != "model" or head.architecture not in ARCHITECTURES:
        raise InputError(
            f"these weights are of the architecture {head.architecture or 'of no name'} ({kind})",
            where=str(file),
            valid=f"a chat model of the architecture {' or '.join(ARCHITECTURES)}",
        )
    return head


def _in_order(name: str, up: Matrix, base: Head) -> Matrix:
    """Rows in the order in which the base keeps those of this layer.

    Hugging Face rotates number i of a head with number i + half; llama.cpp's llama number 2i with
    2i + 1. So halves become pairs, head by head.
    """
    key = ARCHITECTURES[base.architecture].get(name.split(".")[2])
    if key is None:
        return up
    prefix = f"{base.architecture}.attention."
    heads = base.values.get(prefix + key, base.values.get(prefix + "head_count"))
    if not isinstance(heads, int) or heads < 1 or up.shape[0] % (2 * heads):
        raise InputError(
            f"{prefix}{key} is {heads}, which does not divide {up.shape[0]} rows into heads",
            where=str(base.file),
        )
    return up.reshape(heads, 2, up.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(up.shape)


def _stored(stored: Any, tensor: Tensor, kind: Any, file: Path) -> Any:
    """The tensor's bytes, a row each."""
    gguf, _ = _libraries()
    block, size = gguf.GGML_QUANT_SIZES[kind]
    row = tensor.shape[-1] // block * size
    rows = int(np.prod(tensor.shape[:-1], dtype=np.int64))
    data = stored[tensor.start : tensor.start + rows * row]
    if data.size != rows * row:
        raise InputError("this GGUF file ends before its last tensor", where=str(file))
    return data.reshape(rows, row)


def _sum(data: Any, tensor: Tensor, kind: Any, pair: Pair | None, alpha: float, to: Any) -> Any:
    """The tensor with what is added to it, in the type `to`."""
    _, quants = _libraries()
    try:
        weights = quants.dequantize(data, kind)
    except NotImplementedError:
        raise InputError(
            f"weights of the type {kind.name} cannot be read by the package gguf",
            do="take the base in another quantisation, such as Q8_0 or Q4_K_M",
        ) from None
    if pair is not None:
        weights = weights + (alpha / len(pair.down)) * (pair.up @ pair.down)
    return quants.quantize(np.ascontiguousarray(weights, np.float32), to)


# --- a file -----------------------------------------------------------------------------------


def _preface(head: Head, keys: bytes, plan: Mapping[str, Any]) -> bytes:
    """All before the tensors' bytes."""
    gguf, _ = _libraries()
    parts = [MAGIC, struct.pack("<IQQ", VERSION, len(plan), len(head.values)), keys]
    at = 0
    for name, kind in plan.items():
        shape, raw = head.tensors[name].shape, name.encode()
        parts.append(struct.pack("<Q", len(raw)) + raw + struct.pack("<I", len(shape)))
        parts.append(struct.pack(f"<{len(shape)}QIQ", *reversed(shape), kind, at))
        block, size = gguf.GGML_QUANT_SIZES[kind]
        length = int(np.prod(shape, dtype=np.int64)) // block * size
        at += -(-length // head.alignment) * head.alignment
    return b"".join(parts)


def _retyped(head: Head, file_type: int) -> bytes:
    """The base's keys, with another number for what most of its tensors are."""
    keys = bytearray(head.keys)
    if isinstance(head.values.get("general.file_type"), int):
        struct.pack_into("<I", keys, head.places["general.file_type"], file_type)
    return bytes(keys)


def _pad(stream: IO[bytes], alignment: int) -> None:
    stream.write(bytes(-stream.tell() % alignment))


def _libraries() -> tuple[Any, Any]:
    """gguf and its arithmetic, once both packages that are needed are there."""
    try:
        import gguf
        import gguf.quants
        import safetensors  # noqa: F401
    except ImportError:
        raise MissingExtra("fine-tuning", "finetune") from None
    return gguf, gguf.quants
