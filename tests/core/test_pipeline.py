"""Pipelines: files, steps put in and taken out, equality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline, StepSpec

MADE = Pipeline.model_validate(
    {
        "model": "scripted/echo",
        "steps": [
            {"retrieve": {"passages": {"tokens": 96, "overlap": 16}, "k": 3}},
            "rerank",
            {"generate": {"template": "First.\n\nSecond: {{question}}", "max_tokens": 60}},
        ],
    }
)


def test_prompts_are_files_beside_the_yaml(tmp_path: Path) -> None:
    file = MADE.save(tmp_path / "deep" / "best.yaml")
    assert (tmp_path / "deep" / "best.3.md").read_text() == "First.\n\nSecond: {{question}}\n"
    assert "best.3.md" in file.read_text()
    assert "Second" not in file.read_text()
    assert Pipeline.load(file) == MADE
    assert Pipeline.load(file).digest == MADE.digest


def test_a_prompt_that_looks_like_a_file_name_stays_a_prompt(tmp_path: Path) -> None:
    made = MADE.with_step("generate", template="secret.txt")
    (tmp_path / "secret.txt").write_text("not this")
    assert Pipeline.load(made.save(tmp_path / "p.yaml")) == made


PRINTED = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
TEMPLATES = st.text(PRINTED | st.just("\n"), min_size=1).map(str.strip)
NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
VALUES = st.none() | st.booleans() | st.integers() | st.text(PRINTED, max_size=8) | st.floats(0, 1)


@given(template=TEMPLATES, extra=st.dictionaries(NAMES, VALUES))
@settings(max_examples=80, deadline=None)
def test_what_is_saved_is_what_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, template: str, extra: dict[str, Any]
) -> None:
    made = Pipeline(steps=(StepSpec(name="generate", settings={"template": template, **extra}),))
    folder = tmp_path_factory.mktemp("saved")
    assert Pipeline.load(made.save(folder / "p.yaml")) == made


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model: m", "needs model: and steps:"),
        ("- generate", "needs model: and steps:"),
        ("steps: generate", "needs model: and steps:"),
        ("steps: [generate]\ntemperature: 1", "unknown field 'temperature'"),
        ("steps: [5]", "step 1: a step is one name"),
        ("steps: [generate, {retrieve: {}, rerank: {}}]", "step 2: a step is one name"),
        ("steps: [{}]", "step 1: a step is one name"),
        ("steps: [{retrieve: 5}]", "step 1: settings"),
        ("steps: [{retrieve: [a]}]", "step 1: settings"),
        ("steps: [{retrieve: {1: 2}}]", "step 1: settings"),
        ("steps: [{5: {}}]", "step 1: name"),
        ("steps: [generate]\nmodel: 5", "model: "),
        ("steps: [a\nmodel: b", "not valid YAML"),
        ("steps: [{generate: {template: gone.md}}]", "gone.md: this prompt file cannot be read"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as found:
        Pipeline.load(file)
    assert says in str(found.value)
    assert str(tmp_path) in str(found.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such pipeline file"):
        Pipeline.load(tmp_path / "p.yaml")


def test_short_forms() -> None:
    assert StepSpec.model_validate("rerank") == StepSpec(name="rerank")
    assert StepSpec.model_validate({"rerank": None}) == StepSpec(name="rerank")
    assert StepSpec.model_validate({"rerank": {"k": 2}}).settings == {"k": 2}


def test_with_step() -> None:
    changed = MADE.with_step("retrieve", k=8)
    assert changed.step("retrieve").settings == {  # type: ignore[union-attr]
        "passages": {"tokens": 96, "overlap": 16}, "k": 8
    }  # fmt: skip
    assert MADE.step("retrieve").settings["k"] == 3  # type: ignore[union-attr]
    without = MADE.with_step("retrieve", k=None)
    assert "k" not in without.step("retrieve").settings  # type: ignore[union-attr]
    names = [s.name for s in MADE.with_step("examples", before="generate", k=2).steps]
    assert names == ["retrieve", "rerank", "examples", "generate"]
    assert MADE.with_step("check").steps[-1].name == "check"
    assert MADE.with_step("check", before="nobody").steps[-1].name == "check"
    assert changed.model == MADE.model


def test_without_step() -> None:
    assert [s.name for s in MADE.without_step("rerank").steps] == ["retrieve", "generate"]
    assert MADE.without_step("nobody") == MADE
    assert MADE.without_step("rerank").step("rerank") is None


def test_digest_follows_the_data() -> None:
    assert MADE.with_step("retrieve", k=3).digest == MADE.digest
    assert MADE.with_step("retrieve", k=4).digest != MADE.digest
    assert MADE.without_step("rerank").digest != MADE.digest
    other = Pipeline(model="scripted/extract", steps=MADE.steps)
    assert other.digest != MADE.digest


def test_describe_leaves_prompts_out() -> None:
    text = "retrieve(passages 96/16, k 3) → rerank → generate(max_tokens 60)"
    assert MADE.describe() == text
