"""The catalogue: every entry can be fetched, checked and replaced."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import headway.models.catalogue as catalogue
from headway.core.errors import InputError
from headway.core.task import ModelRoles
from headway.models.catalogue import ENTRIES, Hub, Wheels, entry_of


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_every_entry_is_complete(entry: catalogue.Entry) -> None:
    assert entry.name.startswith("embedded/")
    assert entry.licence in ("Apache-2.0", "MIT")
    assert entry.good_for
    for file in entry.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size > 0
        assert Path(file.name).name == file.name
        assert isinstance(file.sources[0], Hub)
        assert isinstance(file.sources[-1], Wheels)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_fallbacks_end_and_keep_the_role(entry: catalogue.Entry) -> None:
    seen = {entry.name}
    at = entry
    while at.fallback is not None:
        at = entry_of(at.fallback, entry.role)
        assert at.size < entry.size
        assert at.name not in seen
        seen.add(at.name)


def test_the_default_models_of_a_task_are_in_it() -> None:
    roles = ModelRoles()
    assert entry_of(roles.chat, "chat")
    assert entry_of(roles.embed, "embed")
    assert entry_of(roles.rerank, "rerank")


def test_pieces_of_a_file_are_numbered_as_they_are_named() -> None:
    source = Wheels("a-part{n}", "1.0", "a_part{n}/data/part{n:02d}.bin", parts=2)
    assert source.pieces() == [
        ("a-part1==1.0", "a_part1/data/part01.bin"),
        ("a-part2==1.0", "a_part2/data/part02.bin"),
    ]


def test_a_wrong_name_says_the_right_ones() -> None:
    with pytest.raises(InputError, match=r"did you mean embedded/smollm2-135m"):
        entry_of("embedded/smolm2-135m", "chat")
    with pytest.raises(InputError, match="is for embed, and chat is wanted"):
        entry_of("embedded/bge-small-en", "chat")
    assert entry_of("smollm2-135m").name == "embedded/smollm2-135m"
