"""ROUGE, chrF and BLEU."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from headway.core.errors import InputError, MissingExtra
from headway.metrics import load
from headway.metrics.overlap import Bleu, ChrF, Rouge1, Rouge2, RougeL, rouge_l, rouge_n
from headway.testing.metrics import MetricContract, scored

TEXT = "the police killed the gunman"


class TestRouge1(MetricContract):
    metric = Rouge1()
    right = scored(TEXT, reference=TEXT)
    wrong = scored("a cat", reference=TEXT)


class TestRouge2(MetricContract):
    metric = Rouge2()
    right = scored(TEXT, reference=TEXT)
    wrong = scored("gunman the police", reference=TEXT)


class TestRougeL(MetricContract):
    metric = RougeL()
    right = scored(TEXT, reference=TEXT)
    wrong = scored("a cat", reference=TEXT)


class TestChrF(MetricContract):
    metric = ChrF()
    right = scored(TEXT, reference=TEXT)
    wrong = scored("a cat", reference=TEXT)


class TestBleu(MetricContract):
    metric = Bleu()
    right = scored(TEXT, reference=TEXT)
    wrong = scored("the gunman killed the police", reference=TEXT)


def test_by_hand() -> None:
    # Lin, 2004, section 3, without its articles, which are no tokens here: police killed gunman.
    assert rouge_n("police kill gunman", "police killed gunman", 1) == pytest.approx(2 / 3)
    assert rouge_n("police kill gunman", "police killed gunman", 2) == 0.0
    assert rouge_l("gunman kill police", "police killed gunman") == pytest.approx(1 / 3)
    # Three of four pairs of one, three of three of the other.
    assert rouge_n("one two three four five", "one two three four", 2) == pytest.approx(6 / 7)
    # A token that comes again counts only as often as in the other.
    assert rouge_n("six six six", "six", 1) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["rouge_1", "rouge_2", "rouge_l", "chrf", "bleu"])
@pytest.mark.parametrize(
    ("reference", "near", "far"),
    [
        ("工作坊星期一早上九点开门。", "工作坊星期一早上十点开门。", "冬天港口因为风暴长期关闭。"),
        ("Der Ofen wird auf 1240 Grad geheizt.", "Der Ofen wird auf 900 Grad geheizt.", "Im Hafen"),
    ],
)
def test_other_scripts(name: str, reference: str, near: str, far: str, tmp_path: Any) -> None:
    metric = load(name, tmp_path)

    def value(answer: str) -> float:
        found = asyncio.run(metric.score(scored(answer, reference=reference)))
        assert isinstance(found, float)
        return found

    assert value(reference) == pytest.approx(1.0)
    assert value(far) < 0.35 < value(near) < 1.0


def test_a_long_answer_takes_no_minutes() -> None:
    long = " ".join(f"w{n % 977}" for n in range(20_000))
    assert rouge_l(long, long) == 1.0
    assert 0.0 < rouge_l(long, " ".join(reversed(long.split()))) < 1.0


def test_the_best_reference_counts_and_an_abstention_is_settled() -> None:
    able = {"kind": "text", "abstain": "I do not know."}
    two = scored("blue sea", reference=["red sky", "blue sea"])
    assert asyncio.run(Rouge1().score(two)) == 1.0
    shares_words = scored("I do not know.", reference="you do not know this", kind=able)
    assert asyncio.run(Rouge1().score(shares_words)) == 0.0


@pytest.mark.parametrize(("name", "package"), [("rouge_l", "rapidfuzz"), ("chrf", "sacrebleu")])
def test_without_the_extra(
    name: str, package: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as error:
        load(name, tmp_path)
    assert "headway[text]" in str(error.value)


def test_a_depth_is_not_for_these(tmp_path: Any) -> None:
    with pytest.raises(InputError):
        load("rouge_l@3", tmp_path)
