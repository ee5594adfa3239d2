"""A pipeline: frozen data, a model and an ordered list of steps.

In memory a prompt is its text; in the YAML file it is the path of a file beside it, so that
prompts can be read and compared in git.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_serializer, model_validator

from headway.core.errors import InputError
from headway.core.task import Frozen, digest, invalid, read_text_or_file, read_yaml

PROMPTS = ("template",)  # settings that name a prompt file


class StepSpec(Frozen):
    """One step by name, with its settings; written in YAML as `- name: {settings}`."""

    name: str
    settings: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if isinstance(data, dict) and len(data) == 1 and "name" not in data:
            name, settings = next(iter(data.items()))
            return {"name": name, "settings": settings or {}}
        return data

    @field_serializer("settings")
    def _settings(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return dict(value)


class Pipeline(Frozen):
    """A model and its steps. Equal data means equal answers, as far as we can tell."""

    model: str | None = None
    steps: tuple[StepSpec, ...]

    @classmethod
    def load(cls, file: str | Path) -> Pipeline:
        """Read a pipeline's YAML and the prompts it names. Raises InputError."""
        file = Path(file)
        if not file.is_file():
            raise InputError("there is no such pipeline file", where=str(file))
        data = read_yaml(file)
        if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
            raise InputError(
                "a pipeline needs model: and steps:",
                where=str(file),
                valid="model: NAME, then steps: a list such as - generate: {template: answer.md}",
            )
        unknown = set(data) - {"model", "steps"}
        if unknown:
            raise InputError(
                f"unknown field {sorted(unknown)[0]!r}", where=str(file), valid="model, steps"
            )
        steps = []
        for number, item in enumerate(data["steps"], start=1):
            where = f"{file}, step {number}"
            if not isinstance(item, (str, dict)) or (isinstance(item, dict) and len(item) != 1):
                raise InputError(
                    "a step is one name with its settings", where=where, valid="- retrieve: {k: 4}"
                )
            try:
                step = StepSpec.model_validate(item)
            except ValidationError as error:
                raise invalid(error, StepSpec, where) from None
            texts = {
                name: read_text_or_file(step.settings[name], file.parent)
                for name in PROMPTS
                if isinstance(step.settings.get(name), str)
            }
            steps.append(StepSpec(name=step.name, settings={**step.settings, **texts}))
        try:
            return cls(model=data.get("model"), steps=tuple(steps))
        except ValidationError as error:
            raise invalid(error, cls, str(file)) from None

    def save(self, file: str | Path) -> Path:
        """Write the YAML, and each prompt as a file beside it. Returns the YAML's path."""
        file = Path(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        steps: list[dict[str, Any]] = []
        for number, step in enumerate(self.steps, start=1):
            settings = dict(step.settings)
            for name in PROMPTS:
                if name in settings:
                    prompt = file.parent / f"{file.stem}.{number}.md"
                    prompt.write_text(str(settings[name]).rstrip() + "\n", encoding="utf-8")
                    settings[name] = prompt.name
            steps.append({step.name: settings})
        data: dict[str, Any] = {"model": self.model} if self.model else {}
        file.write_text(
            yaml.safe_dump(
                {**data, "steps": steps},
                sort_keys=False,
                allow_unicode=True,
                default_flow_style=None,
                width=100,
            ),
            encoding="utf-8",
        )
        return file

    @property
    def digest(self) -> str:
        """Hash of this data alone; the engine adds what models, knowledge and train add to it."""
        return digest(self.model_dump(mode="json"))

    def step(self, name: str) -> StepSpec | None:
        """The first step of that name."""
        return next((s for s in self.steps if s.name == name), None)

    def with_step(self, name: str, before: str | None = None, **settings: Any) -> Pipeline:
        """A copy with these settings laid over the step; a missing step is put in before `before`.

        `before` None appends. A setting of None takes the setting out.
        """

        def merged(old: Mapping[str, Any]) -> dict[str, Any]:
            return {k: v for k, v in {**old, **settings}.items() if v is not None}

        if self.step(name):
            steps = [
                StepSpec(name=s.name, settings=merged(s.settings)) if s.name == name else s
                for s in self.steps
            ]
        else:
            new = StepSpec(name=name, settings=merged({}))
            names = [s.name for s in self.steps]
            at = names.index(before) if before in names else len(names)
            steps = [*self.steps[:at], new, *self.steps[at:]]
        return Pipeline(model=self.model, steps=tuple(steps))

    def without_step(self, name: str) -> Pipeline:
        """A copy without the steps of that name."""
        return Pipeline(model=self.model, steps=tuple(s for s in self.steps if s.name != name))

    def describe(self) -> str:
        """One line for a person: the steps with their telling settings."""
        parts = []
        for step in self.steps:
            hidden = (*PROMPTS, "ids", "replies")
            shown = {k: v for k, v in step.settings.items() if k not in hidden}
            inside = ", ".join(
                f"{k} {'/'.join(str(x) for x in v.values()) if isinstance(v, dict) else v}"
                for k, v in shown.items()
            )
            parts.append(f"{step.name}({inside})" if inside else step.name)
        return " → ".join(parts)
