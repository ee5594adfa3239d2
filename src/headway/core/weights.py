"""What a file of weights in GGUF's form says of itself: its metadata and what tensors it holds.

Read from the head alone, without the package `gguf` (which is an extra, and takes ten seconds
over a large vocabulary): whoever serves an adapter has to know whether it fits. Knows nothing of
what is in a tensor.

    magic version | number of tensors, of keys | keys | tensors | padding | their bytes
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway.core.errors import InputError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32  # bytes, where a file does not say another
STRING, ARRAY = 8, 9
SCALARS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
DIMENSIONS = 4  # llama.cpp knows no more
ADAPTER_PARTS = (".lora_a", ".lora_b")


@dataclass(frozen=True)
class Tensor:
    """shape: rows first, as numpy has it. kind: ggml's number of its type. start: byte of the
    file."""

    shape: tuple[int, ...]
    kind: int
    start: int


@dataclass(frozen=True)
class Head:
    """values: keys with one value; of an array only its length, as `[n]`. keys: the bytes of all
    keys, and places: where in them the value of a plain key begins."""

    file: Path
    values: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    keys: bytes
    places: Mapping[str, int]

    @property
    def architecture(self) -> str:
        """Such as `llama` or `qwen2`; empty where the file does not say."""
        return str(self.values.get("general.architecture", ""))

    @property
    def alignment(self) -> int:
        """Of each tensor's first byte."""
        return int(self.values.get("general.alignment", ALIGNMENT))


def read_head(file: Path) -> Head:
    """Raises InputError for a file that is not there, is cut off, or is something else."""
    try:
        with file.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise InputError("there is no such file of weights", where=str(file)) from None
    except (ValueError, OSError) as error:  # ValueError: of no bytes
        raise InputError(f"cannot be read as weights ({error})", where=str(file)) from None
    with data:
        try:
            return _head(file, data)
        except (ValueError, struct.error, OverflowError) as error:
            raise InputError(
                f"this is not a whole GGUF file ({error})", where=str(file),
                valid=f"weights in GGUF's form, version {' or '.join(map(str, VERSIONS))}",
            ) from None  # fmt: skip


class _Cursor:
    """Reads on from a place; struct.error or ValueError where the file ends before."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> Any:
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise ValueError("it ends too early")

    def text(self) -> str:
        length = self.take("Q")
        begun = self.at
        self.skip(length)
        return self.data[begun : self.at].decode("utf-8", "replace")


def _head(file: Path, data: mmap.mmap) -> Head:
    if data[:4] != MAGIC:
        raise ValueError("it does not begin with GGUF")
    read = _Cursor(data)
    read.skip(4)
    version, tensors, keys = read.take("I"), read.take("Q"), read.take("Q")
    if version not in VERSIONS:
        raise ValueError(f"its version is {version}")
    values: dict[str, Any] = {}
    places: dict[str, int] = {}
    begun = read.at
    for _ in range(keys):
        name, kind = read.text(), read.take("I")
        places[name] = read.at - begun
        values[name] = _value(read, kind)
    raw = data[begun : read.at]
    named = {}
    for _ in range(tensors):
        name = read.text()
        count = read.take("I")
        if not 1 <= count <= DIMENSIONS:
            raise ValueError(f"its tensor {name!r} has {count} dimensions")
        shape = tuple(read.take("Q") for _ in range(count))[::-1]
        named[name] = (shape, read.take("I"), read.take("Q"))
    head = Head(file, values, {}, raw, places)
    if not (type(values.get("general.alignment", 1)) is int and head.alignment > 0):
        raise ValueError(f"its alignment is {values['general.alignment']}")
    first = -(-read.at // head.alignment) * head.alignment
    found = {name: Tensor(shape, kind, first + at) for name, (shape, kind, at) in named.items()}
    if any(tensor.start > len(data) for tensor in found.values()):
        raise ValueError("it ends before its last tensor")
    return Head(file, values, found, raw, places)


def _value(read: _Cursor, kind: int) -> Any:
    if kind == STRING:
        return read.text()
    if kind != ARRAY:
        return read.take(_form(kind))
    inner, count = read.take("I"), read.take("Q")
    if inner == STRING:
        for _ in range(count):
            read.skip(read.take("Q"))
    else:
        read.skip(count * struct.calcsize("<" + _form(inner)))
    return f"[{count}]"


def _form(kind: int) -> str:
    if kind not in SCALARS:
        raise ValueError(f"it has a value of the unknown kind {kind}")
    return SCALARS[kind]


def check_fit(adapter: Head, base: Head) -> None:
    """Whether llama.cpp can lay the adapter over the base. Raises InputError saying what does not
    fit; llama.cpp itself would only say that it cannot start."""

    def wrong(what: str) -> InputError:
        return InputError(
            what, where=str(adapter.file),
            valid=f"a LoRA adapter in GGUF's form that was made for {base.file.name}",
            do="make the adapter again from what was trained, for the base it was trained on",
        )  # fmt: skip

    of, kind = adapter.values.get("general.type"), adapter.values.get("adapter.type")
    if (of, kind) != ("adapter", "lora"):
        raise wrong(f"these weights are no LoRA adapter (general.type {of}, adapter.type {kind})")
    if adapter.architecture != base.architecture:
        raise wrong(
            f"the adapter is for the architecture {adapter.architecture or 'of no name'},"
            f" and the base is {base.architecture or 'of no name'}"
        )
    if not adapter.tensors:
        raise wrong("the adapter holds no tensors")
    for name in adapter.tensors:
        if not name.endswith(ADAPTER_PARTS):
            raise wrong(f"the adapter's tensor {name} is neither a lora_a nor a lora_b")
    for name in sorted({name[: -len(ADAPTER_PARTS[0])] for name in adapter.tensors}):
        down, up = (adapter.tensors.get(name + part) for part in ADAPTER_PARTS)
        if down is None or up is None:
            raise wrong(f"of the adapter's {name} one of lora_a and lora_b is missing")
        check_pair(name, down.shape, up.shape, base, wrong)


def check_pair(
    name: str,
    down: tuple[int, ...],
    up: tuple[int, ...],
    base: Head,
    wrong: Callable[[str], InputError],
) -> None:
    """Whether matrices (rank, in) and (out, rank) fit the base's tensor of that name."""
    tensor = base.tensors.get(name)
    if tensor is None:
        raise wrong(f"the adapter has {name}, and the base has no such tensor")
    if len(down) != 2 or len(up) != 2 or down[0] != up[1] or (up[0], down[1]) != tensor.shape:
        raise wrong(
            f"the adapter's {name} is {list(up)} x {list(down)}, and the base's is"
            f" {list(tensor.shape)}"
        )
