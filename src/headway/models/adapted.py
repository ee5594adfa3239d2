"""An embedding model with a small adapter of the task's own: `tuned/NAME`, kept in the task folder
as `models/NAME.npz`.

Only queries pass the adapter: passages keep the vectors of the base model, so an index made with
the base serves the tuned model too, and trying another adapter embeds nothing anew.

    q' = unit(q + up (down q))

with matrices of low rank (the residual form of Houlsby et al., 2019, "Parameter-Efficient Transfer
Learning for NLP", and the rank of Hu et al., 2021, "LoRA").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson

from headway.core.charge import Charge, ChargedEmbedding
from headway.core.errors import InputError
from headway.core.files import in_full
from headway.core.protocols import EmbeddingModel, Vectors

if TYPE_CHECKING:
    from headway.models import Opening

PREFIX = "tuned/"
FOLDER = "models"
DESCRIPTION = "model.json"
"""In the folder of a tuned chat model, which shares these names (tuned.py)."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LEAST_NORM = 1e-12


@dataclass(frozen=True)
class Adapter:
    """down of shape (rank, dimension), up of shape (dimension, rank), float32; base is the name of
    the model that it was trained on; lineage is plain data: of what, how and how well."""

    base: str
    down: Vectors
    up: Vectors
    lineage: Mapping[str, Any]

    def apply(self, queries: Vectors) -> Vectors:
        """Unit rows from unit rows, shape (queries, dimension)."""
        moved = queries + (queries @ self.down.T) @ self.up.T
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        unit: Vectors = np.asarray(moved / np.maximum(norms, LEAST_NORM), np.float32)
        return unit

    @cached_property
    def hash(self) -> str:
        """Of the matrices alone: what may change a vector."""
        found = hashlib.sha256()
        for matrix in (self.down, self.up):
            found.update(str(matrix.shape).encode())
            found.update(np.ascontiguousarray(matrix, "<f4").tobytes())
        return found.hexdigest()[:32]

    def save(self, file: Path) -> Path:
        """Write the .npz; whoever reads it at the same time sees all of it or nothing."""
        head = orjson.dumps({"format": 1, "base": self.base, "lineage": dict(self.lineage)})
        header = np.frombuffer(head, np.uint8)  # bytes, not text: an array of text would be UCS-4
        with in_full(file) as draft, draft.open("wb") as stream:
            np.savez(stream, header=header, down=self.down, up=self.up)
        return file

    @classmethod
    def load(cls, file: Path) -> Adapter:
        """Raises InputError for a file that is not there or not such an adapter."""
        try:
            with np.load(file, allow_pickle=False) as kept:
                head = orjson.loads(kept["header"].tobytes())
                found = cls(head["base"], kept["down"], kept["up"], head["lineage"])
            found._check(head)
            return found
        except FileNotFoundError:
            if (chat := file.with_suffix("") / DESCRIPTION).is_file():
                raise InputError(
                    f"{PREFIX}{file.stem} is a tuned chat model, and an embedding model is wanted"
                    " here",
                    where=str(chat),
                    do="name it as models: {chat: ...}, and an embedding model here",
                ) from None
            raise InputError(
                "this tuned embedding model is not there",
                where=str(file),
                valid="a file that a journey wrote; it is to be committed with best.yaml",
                do="name the base model instead, such as embed: embedded/bge-small-en",
            ) from None
        except Exception as error:  # of a damaged file numpy and zipfile raise a dozen kinds
            raise InputError(
                f"this is not a whole adapter of an embedding model ({str(error)[:120]})",
                where=str(file),
                do="remove the file: the next journey trains it again",
            ) from None

    def _check(self, head: Mapping[str, Any]) -> None:
        if head["format"] != 1:
            raise ValueError(f"format {head['format']!r} is of another version")
        if not isinstance(self.base, str) or self.base.startswith(PREFIX):
            raise ValueError(f"its base is {self.base!r}")
        for matrix in (self.down, self.up):
            if matrix.dtype != np.float32 or matrix.ndim != 2 or not np.isfinite(matrix).all():
                raise ValueError("its matrices are not finite float32 tables")
        if self.down.shape != self.up.shape[::-1]:
            raise ValueError(f"its matrices are {self.down.shape} and {self.up.shape}")


class AdaptedEmbedding:
    """EmbeddingModel: the base's vectors, queries passed through the adapter."""

    def __init__(self, name: str, base: EmbeddingModel, adapter: Adapter) -> None:
        self.name, self.base, self.adapter = name, base, adapter

    @property
    def identity(self) -> str:
        """The base's, and the adapter's matrices."""
        return f"{self.base.identity}/adapter:{self.adapter.hash}"

    @property
    def passages_identity(self) -> str:
        """What embeds passages: the base alone, with which the index is shared."""
        return self.base.identity

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, one a text, in order."""
        return self._pass(await self.base.embed(texts, kind), kind)

    def _pass(self, vectors: Vectors, kind: Literal["query", "passage"]) -> Vectors:
        if kind == "passage" or not len(vectors):
            return vectors
        wanted = self.adapter.down.shape[1]
        if vectors.shape[1] != wanted:
            raise InputError(
                f"{self.name} is for vectors of {wanted} numbers, and {self.base.name} gives"
                f" {vectors.shape[1]}",
                do="remove the file in models/: the next journey trains it again",
            )
        return self.adapter.apply(vectors)

    async def close(self) -> None:
        """Free the base."""
        await self.base.close()


class ChargedAdaptedEmbedding(AdaptedEmbedding):
    """The same over a base whose calls cost something."""

    def __init__(self, name: str, base: EmbeddingModel, adapter: Adapter) -> None:
        super().__init__(name, base, adapter)
        assert isinstance(base, ChargedEmbedding)
        self._charged = base

    async def embed_charged(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> tuple[Vectors, Charge]:
        """As embed(), with the base's cost; the adapter adds none."""
        vectors, charge = await self._charged.embed_charged(texts, kind)
        return self._pass(vectors, kind), charge


def adapted(name: str, base: EmbeddingModel, adapter: Adapter) -> AdaptedEmbedding:
    """The adapted model, which costs what its base costs."""
    kind = ChargedAdaptedEmbedding if isinstance(base, ChargedEmbedding) else AdaptedEmbedding
    return kind(name, base, adapter)


def file_of(name: str, folder: Path | None) -> Path:
    """Where `tuned/NAME` of a task is kept. Raises InputError for what is no name."""
    return place_of(name, folder, "embedding model", f"the file {FOLDER}/NAME.npz", ".npz")


def place_of(name: str, folder: Path | None, what: str, kept: str, ending: str = "") -> Path:
    """Where a tuned model of either kind is kept. Raises InputError for what is no name."""
    rest = name.removeprefix(PREFIX)
    if folder is None or not NAME.fullmatch(rest):
        raise InputError(
            f"{name!r} is not the name of a tuned {what}",
            valid=f"{PREFIX}NAME for {kept} of a task",
        )
    return folder / FOLDER / f"{rest}{ending}"


async def open_tuned(name: str, opening: Opening) -> AdaptedEmbedding:
    """`tuned/NAME` of the task's folder, over its base."""
    from headway.models import open_base

    adapter = Adapter.load(file_of(name, opening.folder))
    return adapted(name, await open_base(adapter.base, opening), adapter)
