"""A task folder: what is read, what is refused and with which words, how examples are dealt out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headway.core.errors import InputError
from headway.core.task import (
    SPLITS,
    Evidence,
    Example,
    Output,
    Shares,
    Task,
    TaskSpec,
    digest,
    fraction,
    read_examples,
    read_yaml,
)

LINE = '{"id": "a", "inputs": {"question": "q"}, "reference": "r"}'


def lines(folder: Path, *rows: str | bytes) -> Path:
    file = folder / "examples.jsonl"
    file.write_bytes(b"\n".join(r if isinstance(r, bytes) else r.encode() for r in rows))
    return file


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"id": "b", "inputs": {"question": "q"', "not valid JSON"),
        (b'{"id": "\xff", "inputs": {}}', "not valid JSON"),
        ("[1, 2]", "expected an object, found list"),
        ('{"id": "b", "inputs": {}, "refrence": "r"}', "unknown field 'refrence'"),
        ('{"id": "b"}', "the field 'inputs' is missing"),
        ('{"inputs": {}}', "the field 'id' is missing"),
        ('{"id": "", "inputs": {}}', "id: "),
        ('{"id": true, "inputs": {}}', "found True"),
        ('{"id": "b", "inputs": "q"}', "found 'q'"),
        (LINE, "the id 'a' stands in line 1 already"),
        ('{"id": "b", "inputs": {}, "evidence": [{"start": -1}]}', "evidence.0.start"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str | bytes, says: str) -> None:
    file = lines(tmp_path, LINE, "", row)
    with pytest.raises(InputError) as found:
        read_examples(file)
    assert found.value.where == f"{file}:3"
    assert says in found.value.what
    assert found.value.exit_code == 2


def test_an_unknown_field_says_what_is_valid_where_it_stands(tmp_path: Path) -> None:
    file = lines(tmp_path, '{"id": "b", "inputs": {}, "evidence": [{"documnt": "x"}]}')
    with pytest.raises(InputError) as found:
        read_examples(file)
    assert found.value.valid == "document, text, start, tables"


def test_several_problems_are_counted(tmp_path: Path) -> None:
    file = lines(tmp_path, '{"id": "b", "one": 1, "two": 2}')
    with pytest.raises(InputError, match=r"\(and 2 more\)"):
        read_examples(file)


def test_blank_lines_and_number_ids_are_fine(tmp_path: Path) -> None:
    file = lines(tmp_path, "", LINE, "   ", '{"id": 7, "inputs": {}, "group": 3}', "")
    assert [(e.id, e.group) for e in read_examples(file)] == [("a", None), ("7", "3")]


def test_no_examples_file_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="headway import"):
        read_examples(tmp_path / "examples.jsonl")


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("name: [a\nmetrics: b", ":2", "not valid YAML"),
        ("name: x\nmetrics:\n\t- a", ":3", "not valid YAML"),
        ("name: x\ndescription: 2024-13-45", "", "month must be in 1..12"),
        ("- a", "", "expected fields by name, found list"),
        ("", "", "expected fields by name, found NoneType"),
        ("name: x\nmetrcs: [f1]", "", "unknown field 'metrcs'"),
        ("name: x\nmodels: {chatt: a}", "", "unknown field 'models.chatt'"),
        ("description: x", "", "the field 'name' is missing"),
        ("name: x\nmetrics: []", "", "metrics"),
        ("name: x\noutput: {kind: label}", "", "at least two names"),
        ("name: x\noutput: {kind: json}", "", "needs schema"),
        ("name: x\nsplits: {train: 0.5}", "", "not 1"),
        ("name: x\nendpoints: {a: {base_url: ftp://x}}", "", "endpoints.a.base_url"),
        ("name: x\nmargin: {token_f1: 0}", "", "margin.token_f1"),
        ("name: x\nmargin: {token_f1: 1}", "", "margin.token_f1"),
        ("name: x\neconomics: {success: 1, failure: 2}", "", "economics.failure"),
    ],
)
def test_a_broken_task_yaml_is_named(tmp_path: Path, text: str, where: str, says: str) -> None:
    (tmp_path / "task.yaml").write_text(text)
    lines(tmp_path, LINE)
    with pytest.raises(InputError) as found:
        Task.load(tmp_path)
    assert found.value.where == f"{tmp_path / 'task.yaml'}{where}"
    assert says in found.value.what


def test_a_yaml_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(tmp_path / "task.yaml")


@pytest.mark.parametrize("there", [True, False])
def test_no_task_here(tmp_path: Path, there: bool) -> None:
    folder = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(InputError, match="headway init") as found:
        Task.load(folder)
    assert ("no task.yaml here" if there else "no such folder") in found.value.what


def test_instructions_are_a_text_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "p.md").write_text("From a file.\n")
    made = {
        name: Task(folder=tmp_path, spec=TaskSpec(name="x", instructions=name), examples=())
        for name in ("p.md", "Be brief.", "Read\nthe file p.md", "gone.md")
    }
    assert made["p.md"].instructions == "From a file."
    assert made["Be brief."].instructions == "Be brief."
    assert made["Read\nthe file p.md"].instructions == "Read\nthe file p.md"
    with pytest.raises(InputError, match="cannot be read") as found:
        _ = made["gone.md"].instructions
    assert found.value.where == str(tmp_path / "gone.md")


def test_what_people_write_never_changes() -> None:
    example = Example(id="a", inputs={})
    with pytest.raises(ValidationError):
        example.reference = "new"  # type: ignore[misc]


# --- an example's own words -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "question"),
    [
        ({"question": "Who?", "x": 1}, "Who?"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}, "b"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]}, "a"),
        ({"messages": [{"role": "system", "content": "s"}]}, "s"),
        ({"messages": [{"role": "user", "content": "a"}, None]}, "a"),
        ({"messages": [None]}, ""),
        ({"messages": [{"role": "user", "content": None}]}, ""),
        ({"question": 5}, "question: 5"),
        ({"a": 1, "b": "two"}, "a: 1\nb: two"),
        ({"messages": []}, "messages: []"),
        ({}, ""),
    ],
)
def test_question(inputs: dict[str, Any], question: str) -> None:
    assert Example(id="a", inputs=inputs).question == question


def test_references_are_texts() -> None:
    def of(reference: Any) -> tuple[str, ...]:
        return Example(id="a", inputs={}, reference=reference).references

    assert of(None) == ()
    assert of("a") == ("a",)
    assert of(["a", "b"]) == ("a", "b")
    assert of(7) == ("7",)
    assert of({"x": 1}) == ('{"x":1}',)


def test_fingerprint_covers_what_can_be_seen_or_scored() -> None:
    base = Example(id="a", inputs={"question": "q"}, reference="r")
    same = [{"tags": ("t",)}, {"reviewed": True}, {"source": "s"}, {"group": "g"}]
    other: list[dict[str, Any]] = [
        {"id": "b"}, {"inputs": {"question": "p"}}, {"reference": "s"},
        {"evidence": (Evidence(document="d"),)},
    ]  # fmt: skip

    def changed(change: dict[str, Any]) -> str:
        return Example.model_validate(base.model_dump() | change).fingerprint

    assert {changed(c) for c in same} == {base.fingerprint}
    prints = {changed(c) for c in other}
    assert len(prints | {base.fingerprint}) == 5


def test_schema_is_read_under_its_own_name() -> None:
    made = Output.model_validate({"kind": "json", "schema": {"type": "object"}})
    assert made.json_schema == {"type": "object"}


# --- splits ---------------------------------------------------------------------------------------


def task_of(examples: list[Example], shares: Shares = Shares()) -> Task:
    return Task(folder=Path(), spec=TaskSpec(name="x", splits=shares), examples=tuple(examples))


SOME = st.lists(
    st.tuples(st.text(min_size=1, max_size=6), st.none() | st.sampled_from("abcdefg")),
    unique_by=lambda row: row[0], max_size=40,
).map(lambda rows: [Example(id=i, inputs={}, group=g) for i, g in rows])  # fmt: skip


@given(examples=SOME, seed=st.integers(0, 5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_splits_are_disjoint_by_group_and_stable(
    examples: list[Example], seed: int, data: st.DataObject
) -> None:
    shares = Shares(train=0.3, dev=0.4, test=0.3, seed=seed)
    task = task_of(examples, shares)
    dealt = {name: task.split(name) for name in SPLITS}
    assert sorted(e.id for rows in dealt.values() for e in rows) == sorted(e.id for e in examples)
    sides = [{e.cluster for e in rows} for rows in dealt.values()]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    # Neither the order in the file nor new examples move or re-order the old ones.
    shuffled = data.draw(st.permutations(examples))
    grown = task_of([*shuffled, *(Example(id=f"new-{n}", inputs={}) for n in range(5))], shares)
    for name in SPLITS:
        kept = [e.id for e in grown.split(name) if not e.id.startswith("new-")]
        assert kept == [e.id for e in dealt[name]]


def test_shares_are_about_kept_and_the_seed_deals_anew() -> None:
    examples = [Example(id=str(n), inputs={}) for n in range(2000)]
    task = task_of(examples)
    counts = [len(task.split(name)) for name in SPLITS]
    assert counts == pytest.approx([400, 1000, 600], abs=80)
    again = task_of(examples, Shares(seed=8))
    assert {e.id for e in again.split("test")} != {e.id for e in task.split("test")}


def test_the_order_says_nothing_of_the_split() -> None:
    # Were one hash used for both, dev's first examples would be those nearest to train.
    examples = [Example(id=str(n), inputs={}) for n in range(2000)]
    places = [fraction(f"7:{e.cluster}") for e in task_of(examples).split("dev")]
    half = len(places) // 2
    first, second = sum(places[:half]) / half, sum(places[half:]) / (len(places) - half)
    assert abs(first - second) < 0.05


def test_the_first_n_are_a_random_sample_of_examples_and_not_of_groups() -> None:
    # One group of 300 and a hundred of 3: in the first 60 it has about its half, as it has in all.
    groups = ["large"] * 300 + [f"small-{n // 3}" for n in range(300)]
    examples = [Example(id=str(n), inputs={}, group=g) for n, g in enumerate(groups)]
    for seed in range(20):
        dealt = task_of(examples, Shares(train=0, dev=1, test=0, seed=seed)).split("dev")
        first = [e.cluster for e in dealt[:60]]
        assert 14 <= first.count("large") <= 46  # 30 expected, 4 standard deviations around it
        assert len(set(first)) > 12  # as they come whole, it would be one, or twenty in a row


def test_all_in_one_split() -> None:
    examples = [Example(id=str(n), inputs={}) for n in range(50)]
    task = task_of(examples, Shares(train=0, dev=1, test=0))
    assert [len(task.split(name)) for name in SPLITS] == [0, 50, 0]


@given(st.text())
def test_fraction_is_a_place_in_the_unit(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert 0 <= fraction(text) < 1
    assert fraction(text) == fraction(text)


def test_digest_does_not_depend_on_the_order_of_fields() -> None:
    assert digest({"a": 1, "b": [2]}) == digest(json.loads('{"b": [2], "a": 1}'))
    assert digest({"a": 1}) != digest({"a": "1"})
    assert digest(["a", "b"]) != digest(["ab"])


def test_what_labels_mean_is_of_labels_that_there_are() -> None:
    plain = Output(kind="label", labels=("up", "down"))
    said = Output(kind="label", labels=("up", "down"), about={"up": "it rose"})
    # Without it a pipeline's fingerprint is what it was before there was such a field.
    assert "about" not in plain.model_dump(mode="json")
    assert said.model_dump(mode="json")["about"] == {"up": "it rose"}
    with pytest.raises(ValueError, match="'left', which is none of the labels"):
        Output(kind="label", labels=("up", "down"), about={"left": "no"})


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    assert read_examples(lines(tmp_path, b"\xef\xbb\xbf" + LINE.encode()))[0].id == "a"
