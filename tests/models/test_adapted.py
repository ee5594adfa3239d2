"""A tuned embedding model: its file, its identity, and that passages stay the base's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.core.charge import Charge, ChargedEmbedding
from headway.core.errors import InputError
from headway.core.protocols import EmbeddingModel, Vectors
from headway.core.task import Task
from headway.models import open_embedding
from headway.models.adapted import AdaptedEmbedding, Adapter, adapted, file_of
from headway.models.scripted import ScriptedEmbedding
from headway.testing.models import EmbeddingModelContract

DIMENSION, RANK = 256, 4


def adapter(seed: int = 0, base: str = "scripted/words", scale: float = 0.3) -> Adapter:
    random = np.random.default_rng(seed)
    down = random.normal(size=(RANK, DIMENSION)).astype(np.float32) * np.float32(scale)
    up = random.normal(size=(DIMENSION, RANK)).astype(np.float32) * np.float32(scale)
    return Adapter(base, down, up, {"pairs": 40, "held_out": {"recall_after": 0.7}})


class ChargedWords(ScriptedEmbedding):
    """Scripted vectors that cost something."""

    async def embed_charged(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> tuple[Vectors, Charge]:
        return await self.embed(texts, kind), Charge(sum(map(len, texts)), 0.5, 0.25)


class TestAdapted(EmbeddingModelContract):
    understands = False

    @pytest.fixture
    async def model(self) -> AsyncIterator[EmbeddingModel]:
        model = adapted("tuned/a", ScriptedEmbedding(), adapter())
        yield model
        await model.close()


class TestChargedAdapted(TestAdapted):
    @pytest.fixture
    async def model(self) -> AsyncIterator[EmbeddingModel]:
        model = adapted("tuned/a", ChargedWords(), adapter())
        assert isinstance(model, ChargedEmbedding)
        yield model
        await model.close()


async def test_passages_stay_and_queries_move() -> None:
    base, model = ScriptedEmbedding(), adapted("tuned/a", ScriptedEmbedding(), adapter())
    texts = ["the red car", "a blue bus"]
    np.testing.assert_array_equal(
        await model.embed(texts, "passage"), await base.embed(texts, "passage")
    )
    plain = await base.embed(texts, "query")
    moved = await model.embed(texts, "query")
    assert not np.allclose(moved, plain, atol=0.05)
    a = adapter()
    wanted = plain[0] + a.up @ (a.down @ plain[0])
    np.testing.assert_allclose(moved[0], wanted / np.linalg.norm(wanted), atol=1e-5)


async def test_zero_is_the_identity() -> None:
    nothing = Adapter("scripted/words", adapter().down, np.zeros((DIMENSION, RANK), "f4"), {})
    model = adapted("tuned/a", ScriptedEmbedding(), nothing)
    query = await ScriptedEmbedding().embed(["the red car"], "query")
    np.testing.assert_allclose(await model.embed(["the red car"], "query"), query, atol=1e-6)


def test_identity_covers_base_and_matrices_and_not_the_lineage() -> None:
    one, other = adapter(0), adapter(1)
    same = Adapter(one.base, one.down.copy(), one.up.copy(), {"pairs": 99})
    base = ScriptedEmbedding()
    a, b, c = (AdaptedEmbedding("tuned/a", base, x) for x in (one, other, same))
    assert a.identity == c.identity != b.identity
    assert AdaptedEmbedding("tuned/a", ScriptedEmbedding(128), one).identity != a.identity
    assert a.passages_identity == b.passages_identity == base.identity
    assert base.identity in a.identity
    assert not isinstance(a, ChargedEmbedding)


async def test_kept_and_opened_by_name(tmp_path: Path, make_task) -> None:
    task = Task.load(make_task())
    file = file_of("tuned/towns-1a2b", task.folder)
    assert file == task.folder / "models" / "towns-1a2b.npz"
    adapter().save(file)
    kept = Adapter.load(file)
    assert kept.lineage == adapter().lineage
    assert kept.hash == adapter().hash
    model = await open_embedding("tuned/towns-1a2b", task)
    assert model.name == "tuned/towns-1a2b"
    assert model.identity == adapted("x", ScriptedEmbedding(), adapter()).identity
    query = await model.embed(["the red car"], "query")
    np.testing.assert_array_equal(
        query, await adapted("x", ScriptedEmbedding(), adapter()).embed(["the red car"], "query")
    )
    # The same again is the same file, to be committed.
    before = file.read_bytes()
    adapter().save(file)
    assert file.read_bytes() == before
    assert [f.name for f in file.parent.iterdir()] == [file.name]
    await model.close()


async def test_a_base_of_another_size_is_told(make_task) -> None:
    model = adapted("tuned/a", ScriptedEmbedding(128), adapter())
    assert (await model.embed(["x y"], "passage")).shape == (1, 128)
    with pytest.raises(InputError, match="256 numbers"):
        await model.embed(["x y"], "query")


@pytest.mark.parametrize(
    "name", ["tuned/", "tuned/../x", "tuned/a/b", "tuned/.x", "tuned/a b", "tuned//etc/x"]
)
async def test_names_stay_in_the_folder(name: str, make_task) -> None:
    with pytest.raises(InputError, match="not the name"):
        await open_embedding(name, Task.load(make_task()))


async def test_a_missing_file_says_what_to_do(make_task) -> None:
    folder = make_task()
    with pytest.raises(InputError) as caught:
        await open_embedding("tuned/nowhere", Task.load(folder))
    assert str(folder / "models" / "nowhere.npz") in str(caught.value)
    assert "embedded/bge-small-en" in str(caught.value)
    with pytest.raises(InputError, match="not the name"):
        await open_embedding("tuned/nowhere")


@pytest.mark.parametrize(
    "broken",
    [
        Adapter("tuned/other", adapter().down, adapter().up, {}),
        Adapter("scripted/words", adapter().down, adapter().up[:, :2], {}),
        Adapter("scripted/words", adapter().down.astype("f8"), adapter().up.astype("f8"), {}),
        Adapter("scripted/words", adapter().down * np.float32(np.nan), adapter().up, {}),
    ],
)
def test_what_cannot_be_is_refused(broken: Adapter, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a whole adapter"):
        Adapter.load(broken.save(tmp_path / "a.npz"))


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    with file.open("wb") as stream:
        np.savez(stream, header=np.array([{"a": 1}], dtype=object), down=1, up=1)
    with pytest.raises(InputError, match="not a whole adapter"):
        Adapter.load(file)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_named(data: st.DataObject, tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    whole = adapter().save(file).read_bytes()
    how = data.draw(st.sampled_from(["cut", "flip", "other"]))
    if how == "cut":
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    elif how == "other":
        file.write_bytes(data.draw(st.binary(max_size=200)))
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
    found = error = None
    try:
        found = Adapter.load(file)
    except InputError as caught:
        error = caught
    assert error is None or str(file) in str(error)
    # What loads is whole: the byte was one that nothing depends on, such as a date.
    assert found is None or (how == "flip" and found.hash == adapter().hash)
