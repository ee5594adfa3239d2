"""`import headway as hw`: what a script or a notebook may use."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import headway as hw
from headway.core.errors import MissingExtra
from headway.core.findings import Finding
from headway.core.progress import Event

VERBS = (
    *("check", "compare", "diagnose", "evaluate", "final", "judge", "optimize", "report", "show"),
    "tune",
)


@pytest.fixture
def task(make_task: Callable[..., Path]) -> Path:
    return make_task(towns=30)


# --- the names ----------------------------------------------------------------------------------


def test_no_part_that_is_loaded_later_hides_a_verb() -> None:
    """`headway.report` and `headway.techniques` are packages, and functions to a script."""
    code = (
        "import importlib, pkgutil, headway as hw\n"
        "before = {name: getattr(hw, name) for name in hw.__all__}\n"
        "for found in pkgutil.iter_modules(hw.__path__):\n"
        "    if found.name != '__main__': importlib.import_module(f'headway.{found.name}')\n"
        "print([name for name in before if getattr(hw, name) is not before[name]])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_is_what_is_there_and_all_of_it_is_documented() -> None:
    public = {
        name
        for name, value in vars(hw).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert set(hw.__all__) - {"__version__"} == public
    assert list(hw.__all__) == sorted(hw.__all__)
    for name in public:
        value = getattr(hw, name)
        assert value.__module__.startswith("headway."), name
        assert (inspect.getdoc(value) or "").strip(), name
    assert hw.__doc__ is not None
    assert hw.__version__


def test_what_a_verb_promises_is_what_its_method_takes() -> None:
    """A door's parameters are those of the method behind it, `task` and two keywords aside."""
    for verb in VERBS:
        door = inspect.signature(getattr(hw, verb)).parameters
        method = inspect.signature(getattr(hw.Workspace, verb)).parameters
        open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in door.values())
        for name in door:
            assert name in {"task", "model", "progress", "options"} or any(
                known.removesuffix("_id") == name for known in method
            ), (verb, name)
        if not open_ended:
            assert len(door) >= len(method), verb


def test_every_error_is_a_headway_error() -> None:
    for kind in (hw.InputError, hw.ModelError, hw.Outage):
        assert issubclass(kind, hw.HeadwayError)
    with pytest.raises(hw.InputError, match="no such folder"):
        hw.evaluate("nowhere-at-all")


# --- in a notebook a loop is running already ----------------------------------------------------


async def test_the_verbs_work_while_a_loop_is_running(task: Path) -> None:
    assert asyncio.get_running_loop().is_running()
    found = hw.evaluate(task, limit=6)
    again = hw.evaluate(hw.Task.load(task), limit=6)
    assert found.metrics == again.metrics
    assert again.usage.calls == 0
    other = hw.Pipeline.load(task_pipeline(task))
    assert hw.evaluate(task, other, limit=6).pipeline != found.pipeline
    compared = hw.compare(task, found.run, str(task_pipeline(task)))
    assert compared.n == 6 or compared.n == len(hw.Task.load(task).split("dev"))
    assert hw.diagnose(task, limit=12).n == 12
    assert hw.check(task).errors == 0
    assert hw.show(task).messages
    events: list[Event] = []
    journey = hw.optimize(task, calls=200, axis="behaviour", progress=events.append)
    assert journey.steps
    assert events
    assert hw.final(task).figure.n
    assert hw.report(task).is_file()


def task_pipeline(task: Path) -> Path:
    file = task / "pipelines" / "short.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("steps:\n- retrieve: {k: 1}\n- generate: {template: Be brief.}\n")
    return file


async def test_a_mistake_is_raised_while_a_loop_is_running(task: Path) -> None:
    with pytest.raises(hw.InputError, match=r"nothing\.yaml"):
        hw.evaluate(task, "nothing.yaml")


def test_the_verbs_work_without_a_loop(task: Path) -> None:
    assert hw.evaluate(task, limit=4).completed == 4


async def test_the_workspace_itself_may_be_awaited(task: Path) -> None:
    async with hw.Workspace.open(task) as workspace:
        assert (await workspace.evaluate(limit=4)).completed == 4


# --- how results show themselves ----------------------------------------------------------------


@pytest.fixture
def findings(task: Path) -> list[Finding]:
    run = hw.evaluate(task, limit=8)
    return [
        run,
        hw.compare(task, run.run, str(task_pipeline(task))),
        hw.diagnose(task, limit=8),
        hw.optimize(task, calls=60, axis="behaviour", test="never"),
        hw.check(task),
    ]


def test_results_are_tables_in_a_notebook(findings: list[Finding]) -> None:
    for found in findings:
        text = found._repr_html_()
        assert text.startswith("<table>"), type(found)
        assert text.count("<tr>") == len(found.rows()) + 1
        assert text.count("<td>") == sum(len(row) for row in found.rows())
        assert found.to_json()["schema"].startswith("headway/")


def test_what_a_model_wrote_is_escaped_in_a_table() -> None:
    estimate = hw.Estimate(mean=0.5, low=0.25, high=0.75, n=4)
    values = {
        "run": "r", "pipeline": "p", "split": "dev", "n": 4, "completed": 4, "outage": 0,
        "invalid": 0, "refused": 0, "wall_s": 1.0, "usage": {}, "latency_s": {},
        "metrics": {"<script>alert(1)</script>": estimate},
    }  # fmt: skip
    text = hw.RunFinding.model_validate(values)._repr_html_()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_a_data_frame_needs_pandas(
    findings: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    with pytest.raises(MissingExtra, match="to_pandas") as caught:
        findings[0].to_pandas()
    assert "pip install" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_a_data_frame(findings: list[Finding]) -> None:
    for found in findings:
        assert len(found.to_pandas()) == len(found.rows())


def test_importing_headway_loads_no_model_runtime() -> None:
    """`import headway` stays quick: what is heavy is loaded when it is used."""
    code = (
        "import sys, headway; "
        "print([m for m in ('xllamacpp', 'onnxruntime', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
