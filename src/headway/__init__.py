"""Headway: from a first prompt to a measured best.

    import headway as hw

    task = hw.Task.load("handbook")
    hw.diagnose(task)                       # which axis holds it back
    journey = hw.optimize(task, minutes=10) # spend a budget there, keep what is proven

Every verb here is the synchronous door to the method of the same name of `Workspace`.
"""

from __future__ import annotations

from headway.core.errors import HeadwayError, InputError, ModelError, Outage
from headway.core.findings import Comparison, Diagnosis, Estimate, Journey, RunFinding
from headway.core.pipeline import Pipeline
from headway.core.task import Example, Task
from headway.core.version import __version__
from headway.door import (
    check,
    compare,
    diagnose,
    draft,
    draft_from,
    evaluate,
    final,
    judge,
    optimize,
    report,
    show,
    tune,
)
from headway.workspace import Workspace, import_task, init_task, schema, techniques

__all__ = [
    "Comparison",
    "Diagnosis",
    "Estimate",
    "Example",
    "HeadwayError",
    "InputError",
    "Journey",
    "ModelError",
    "Outage",
    "Pipeline",
    "RunFinding",
    "Task",
    "Workspace",
    "__version__",
    "check",
    "compare",
    "diagnose",
    "draft",
    "draft_from",
    "evaluate",
    "final",
    "import_task",
    "init_task",
    "judge",
    "optimize",
    "report",
    "schema",
    "show",
    "techniques",
    "tune",
]
