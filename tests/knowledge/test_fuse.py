"""Reciprocal rank fusion and the choice of a tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.protocols import Search
from headway.knowledge import FolderKnowledge
from headway.knowledge.fuse import fuse
from headway.knowledge.language import guess, spread, tokenizer

RANKING = st.lists(st.integers(0, 30), unique=True, max_size=20)


def test_scores_of_the_paper() -> None:
    assert fuse([[5, 3], [3, 9]]) == [
        (3, pytest.approx(1 / 62 + 1 / 61)),
        (5, pytest.approx(1 / 61)),
        (9, pytest.approx(1 / 62)),
    ]


def test_equal_scores_stand_by_row() -> None:
    assert [row for row, _ in fuse([[9, 4], [4, 9]])] == [4, 9]


@given(st.lists(RANKING, max_size=3))
def test_every_row_once_and_best_first(rankings: list[list[int]]) -> None:
    found = fuse(rankings)
    assert sorted(row for row, _ in found) == sorted({row for r in rankings for row in r})
    assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)


@given(RANKING)
def test_one_ranking_keeps_its_order(ranking: list[int]) -> None:
    assert [row for row, _ in fuse([ranking])] == ranking


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The keys are with the porter, and the gate is closed for the night.", "English"),
        ("Die Schlüssel sind bei dem Pförtner und das Tor ist nicht auf.", "German"),
        ("Les clés sont chez le gardien et la porte est fermée pour la nuit.", "French"),
        ("钥匙在门房那里，大门晚上是关着的。", "East Asian"),
        ("鍵は守衛のところにあります。", "East Asian"),
        ("열쇠는 수위에게 있습니다.", "East Asian"),
        ("x = 17; y = 23", "unknown"),
        ("", "unknown"),
    ],
)
def test_guess(text: str, language: str) -> None:
    assert guess([text]) == language


def test_a_language_by_name_or_code() -> None:
    assert tokenizer("de", []) == tokenizer("German", [])
    assert tokenizer("zh", []) == tokenizer("Korean", []) != tokenizer("en", [])
    with pytest.raises(InputError, match="'klingon' is not known"):
        tokenizer("klingon", [])


def test_eastern_runs_become_characters_and_pairs() -> None:
    assert spread("Wi-Fi 密码是x").split() == ["Wi-Fi", "密", "码", "是", "密码", "码是", "x"]
    assert spread("the same") == "the same"


MIXED = {
    "a.md": "XR-200 路由器支持双频 Wi-Fi。重置时请按住 Reset 键十秒。",
    "b.md": "XR-300 支持三频。密码印在背面。",
    "c.md": "打印机卡纸时请打开后盖。默认 password 是 admin。",
    "d.md": "The printers jam when damp paper is used. Open the tray.",
    "e.md": "Der Drucker meldet einen Papierstau, wenn das Papier feucht ist.",
}


@pytest.mark.parametrize("language", ["auto", "zh", "en"])
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("XR-200 怎么重置？", "a.md"),
        ("默认密码password是什么", "c.md"),
        ("password", "c.md"),
        ("卡纸", "c.md"),
        ("printer jams", "d.md"),
        ("Papierstau im Drucker", "e.md"),
    ],
)
async def test_languages_side_by_side(
    language: str, query: str, wanted: str, tmp_path: Path
) -> None:
    for name, text in MIXED.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    knowledge = FolderKnowledge(tmp_path, tmp_path / ".headway", language=language)
    assert (await knowledge.search(query, Search(k=1)))[0].document == wanted
