"""Heads of GGUF files: what the package `gguf` writes is read, anything else is refused."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.weights import read_head


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def key(name: str, kind: int, value: bytes) -> bytes:
    return string(name) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int, at: int) -> bytes:
    return string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, at)


KEYS = [
    key("general.architecture", 8, string("llama")),
    key("llama.block_count", 4, struct.pack("<I", 3)),
    key("a.flag", 7, b"\x01"),
    key("a.list", 9, struct.pack("<IQ", 8, 2) + string("é") + string("")),
    key("a.numbers", 9, struct.pack("<IQ3h", 3, 3, 1, 2, 3)),
]
TENSORS = [tensor("a.weight", (3, 32), 0, 0), tensor("b.weight", (5,), 0, 384)]
WHOLE = b"".join(
    [b"GGUF", struct.pack("<IQQ", 3, len(TENSORS), len(KEYS)), *KEYS, *TENSORS]
)  # fmt: skip
WHOLE += bytes(-len(WHOLE) % 32)
START = len(WHOLE)
WHOLE += bytes(384 + 32)


def test_keys_and_tensors_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(WHOLE)
    head = read_head(file)
    assert head.values == {
        "general.architecture": "llama", "llama.block_count": 3, "a.flag": True,
        "a.list": "[2]", "a.numbers": "[3]",
    }  # fmt: skip
    assert head.architecture == "llama"
    assert {n: (t.shape, t.start) for n, t in head.tensors.items()} == {
        "a.weight": ((3, 32), START),
        "b.weight": ((5,), START + 384),
    }
    assert head.keys == b"".join(KEYS)
    place = head.places["llama.block_count"]
    assert struct.unpack_from("<I", head.keys, place) == (3,)


def test_what_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file of weights"):
        read_head(tmp_path / "a.gguf")
    (tmp_path / "b.gguf").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as weights"):
        read_head(tmp_path / "b.gguf")
    with pytest.raises(InputError, match="cannot be read as weights"):
        read_head(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((0, b"GGML"), "does not begin with GGUF"),
        ((4, struct.pack("<I", 9)), "its version is 9"),
        ((8, struct.pack("<Q", 2**60)), "not a whole GGUF file"),
        ((16, struct.pack("<Q", 2**60)), "not a whole GGUF file"),
        ((24, struct.pack("<Q", 2**63)), "ends too early"),
    ],
)
def test_what_is_wrong_with_it_is_said(
    tmp_path: Path, change: tuple[int, bytes], said: str
) -> None:
    at, bytes_ = change
    file = tmp_path / "a.gguf"
    file.write_bytes(WHOLE[:at] + bytes_ + WHOLE[at + len(bytes_) :])
    with pytest.raises(InputError, match=said):
        read_head(file)


@given(st.integers(0, START - 1))
def test_a_head_cut_off_anywhere_is_refused(
    tmp_path_factory: pytest.TempPathFactory, n: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "cut.gguf"
    file.write_bytes(WHOLE[:n])
    with pytest.raises(InputError, match=r"cut\.gguf"):
        read_head(file)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, START - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(WHOLE)
    for at, byte in changes:
        damaged[at] = byte
    file = tmp_path_factory.getbasetemp() / "damaged.gguf"
    file.write_bytes(damaged)
    with contextlib.suppress(InputError):  # and nothing else
        read_head(file)
