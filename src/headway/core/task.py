"""A task: a folder with `task.yaml`, `examples.jsonl` and, where there is any, knowledge and
people's verdicts on the examples (`reviews.jsonl`).

Loading checks everything at once and names file and line; nothing of a broken task is used.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, InstanceOf, PrivateAttr, model_validator

from headway.core import conversation
from headway.core import inputs as entering
from headway.core.errors import InputError
from headway.core.reading import Frozen as Frozen  # also by this name: all that people write
from headway.core.reading import invalid as invalid
from headway.core.reading import parse, read_lines
from headway.core.record import Message
from headway.core.review import REVIEWS, Reviews, laid_over, read_reviews

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")


class Evidence(Frozen):
    """Where the answer stands: a document and, in it, a text at an offset; or tables for SQL."""

    document: str | None = None
    text: str | None = None
    start: int | None = Field(default=None, ge=0)
    tables: tuple[str, ...] | None = None


class Example(Frozen):
    """One case: inputs, a reference answer, the evidence that answers it."""

    id: str = Field(min_length=1)
    inputs: dict[str, Any]
    reference: Any = None
    evidence: tuple[Evidence, ...] = ()
    group: str | None = None
    tags: tuple[str, ...] = ()
    source: str | None = None
    reviewed: bool | None = None
    _folder: Path | None = PrivateAttr(None)
    """The task folder that its files are in; None for an example made in memory."""

    @model_validator(mode="before")
    @classmethod
    def _ids_are_text(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for name in ("id", "group"):
                if isinstance(data.get(name), int) and not isinstance(data[name], bool):
                    data = {**data, name: str(data[name])}
        return data

    @property
    def cluster(self) -> str:
        """The group that keeps related examples on one side of a split; its own id without one."""
        return self.group if self.group is not None else self.id

    @property
    def question(self) -> str:
        """The inputs as one text: `question`, the last user message, or all fields by name."""
        if isinstance(self.inputs.get("question"), str):
            return str(self.inputs["question"])
        messages = self.inputs.get("messages")
        if isinstance(messages, list) and messages:
            return conversation.question_of(messages)
        fields = {name: value for name, value in self.inputs.items() if name != "files"}
        return "\n".join(f"{name}: {value}" for name, value in fields.items())

    @property
    def history(self) -> tuple[Message, ...]:
        """The turns of a conversation before the last user message, and the input's own system
        messages; empty for a lone question."""
        messages = self.inputs.get("messages")
        if isinstance(self.inputs.get("question"), str) or not isinstance(messages, list):
            return ()
        return conversation.history_of(messages)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that are shown with the question, relative to the task folder."""
        return entering.names_of(self.inputs)

    @property
    def references(self) -> tuple[str, ...]:
        """Acceptable answers as texts: a list in the file means that any of them is right."""
        if self.reference is None:
            return ()
        many = self.reference if isinstance(self.reference, list) else [self.reference]
        return tuple(r if isinstance(r, str) else orjson.dumps(r).decode() for r in many)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what a pipeline can see or be scored on, files' contents too; tags and review
        marks stay outside."""
        seen = [
            self.id,
            self.inputs,
            self.reference,
            [e.model_dump(exclude_none=True) for e in self.evidence],
        ]
        if self.files and self._folder is not None:
            seen.append(entering.contents_digest(self.files, self._folder))
        return digest(seen)


class Output(Frozen):
    """The form of an answer. `abstain` is the phrase that says 'I cannot answer this'."""

    kind: Literal["text", "label", "json", "sql", "passages"] = "text"
    labels: tuple[str, ...] = ()
    about: dict[str, str] = Field(
        default_factory=dict,
        description="what labels mean, by label, for prompts",
        exclude_if=lambda value: not value,  # so that fingerprints without it stay as they were
    )
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    dialect: str | None = None
    abstain: str | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _complete(self) -> Output:
        if self.kind == "label" and len(self.labels) < 2:
            raise ValueError("output kind 'label' needs labels: at least two names")
        if unknown := sorted(set(self.about) - set(self.labels)):
            raise ValueError(f"about names {unknown[0]!r}, which is none of the labels")
        if self.kind == "json" and self.json_schema is None:
            raise ValueError("output kind 'json' needs schema: a JSON Schema")
        return self


class Economics(Frozen):
    """What one success earns and one failure costs (a negative number), in any one currency."""

    success: float = Field(gt=0)
    failure: float = Field(lt=0)


class Constraints(Frozen):
    """Limits that a winner must keep, judged on uncached calls."""

    latency_p95_s: float | None = Field(default=None, gt=0)
    usd_per_1k_requests: float | None = Field(default=None, ge=0)
    prompt_tokens_p95: float | None = Field(default=None, gt=0)


class Judging(Frozen):
    """How far a metric must agree with people before it may decide a journey. measure: `kappa` for
    yes/no labels and pairs, `spearman` for scales, where not said or where the labels have no such
    measure."""

    agreement: float = Field(default=0.4, ge=0, lt=1)
    measure: Literal["kappa", "spearman"] | None = None


class ModelRoles(Frozen):
    """Model names by role. `provider/model`; `embedded/...` runs in this process."""

    chat: str = "embedded/qwen2.5-coder-0.5b"
    embed: str = "embedded/bge-small-en"
    rerank: str = "embedded/minilm-l12"
    judge: str | None = None
    teacher: str | None = None
    stronger: str | None = None
    proposer: str | None = None
    candidates: tuple[str, ...] = ()


class Endpoint(Frozen):
    """A service of OpenAI's or Anthropic's form. Its key comes from the environment or `.env`."""

    base_url: str = Field(pattern=r"^https?://")
    api: Literal["openai", "anthropic"] | None = Field(
        default=None, description="its form; if not given, that of a provider of the same name"
    )
    key_env: str | None = None
    timeout_s: float = Field(default=120.0, gt=0)
    retries: int = Field(default=5, ge=0)
    concurrency: int = Field(default=64, ge=1, description="the most calls in flight")
    headers: dict[str, str] = Field(default_factory=dict)


class Domain(Frozen):
    """One of several knowledge bases: a folder of the knowledge, and what it is about."""

    folder: str | None = Field(default=None, description="its own name, if not given")
    about: str = ""


class Rule(Frozen):
    """A rule that orders passages: `newest` by a field, or `first` those with these values."""

    newest: str | None = None
    first: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one(self) -> Rule:
        if (self.newest is None) == (not self.first):
            raise ValueError("a rule is either newest: FIELD or first: {FIELD: VALUE}")
        return self


class KnowledgeSource(Frozen):
    """Where the documents are, and what is known of them.

    domains: knowledge bases to choose from; without any, the folders directly below `path`.
    prefer: rules by which passages may be ordered anew.
    """

    path: str = "knowledge/"
    language: str = "auto"
    domains: dict[str, Domain] = Field(default_factory=dict)
    prefer: tuple[Rule, ...] = ()


class Rubric(Frozen):
    """What a judge, a model or a person, looks at, and the scale it scores each criterion on.

    criteria: by name, each with a sentence on what is good and what is not. levels: what a point
    of the scale means, where that needs saying.
    """

    criteria: dict[str, str] = Field(min_length=1)
    scale: tuple[int, int] = Field(default=(1, 5), description="the worst and the best score")
    levels: dict[int, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Rubric:
        low, high = self.scale
        if not low < high:
            raise ValueError(f"the scale goes from {low} to {high}, and must rise")
        outside = [level for level in self.levels if not low <= level <= high]
        if outside:
            raise ValueError(f"the level {outside[0]} is outside the scale {low} to {high}")
        return self


class Shares(Frozen):
    """How examples are dealt out. Shares are of groups and sum to 1."""

    train: float = Field(default=0.2, ge=0, le=1)
    dev: float = Field(default=0.5, ge=0, le=1)
    test: float = Field(default=0.3, ge=0, le=1)
    seed: int = 7

    @model_validator(mode="after")
    def _sum(self) -> Shares:
        if abs(self.train + self.dev + self.test - 1) > 1e-6:
            raise ValueError(f"train + dev + test is {self.train + self.dev + self.test:g}, not 1")
        return self


class TaskSpec(Frozen):
    """`task.yaml`."""

    name: str = Field(min_length=1)
    description: str = ""
    instructions: str = Field(
        default="Answer the question.",
        description="the baseline prompt: a text, or the path of a file in the task folder",
    )
    output: Output = Output()
    metrics: tuple[str, ...] = Field(
        default=("token_f1",),
        min_length=1,
        description="the first is optimised; python:FILE:NAME is yours",
    )
    rubric: Rubric | None = Field(
        default=None, description="what the metric `rubric` and pairwise judges score by"
    )
    goal: dict[str, float] = Field(default_factory=dict)
    economics: Economics | None = None
    constraints: Constraints = Constraints()
    margin: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    judging: Judging = Judging()
    models: ModelRoles = ModelRoles()
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    knowledge: KnowledgeSource | None = None
    splits: Shares = Shares()
    application: str | None = Field(
        default=None, description="FILE.py:FUNCTION or a URL, evaluated instead of steps"
    )
    settings: dict[str, list[Any]] = Field(
        default_factory=dict, description="what a journey may turn in the application"
    )

    @model_validator(mode="after")
    def _rubric_is_there(self) -> TaskSpec:
        if "rubric" in self.metrics and self.rubric is None:
            raise ValueError(
                "the metric 'rubric' needs rubric: {criteria: {NAME: what is good, what is not}}"
            )
        return self


class Task(BaseModel):
    """A loaded task folder."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    folder: Path
    spec: TaskSpec
    examples: tuple[Example, ...]
    """All but those that a person ruled ambiguous, with people's verdicts applied."""
    reviews: InstanceOf[Reviews] = Reviews()

    @classmethod
    def load(cls, folder: str | Path) -> Task:
        """Read `task.yaml` and `examples.jsonl`. Raises InputError with file and line."""
        folder = Path(folder).expanduser().resolve()
        file = folder / "task.yaml"
        if not file.is_file():
            raise InputError(
                "there is no task.yaml here" if folder.is_dir() else "there is no such folder",
                where=str(folder),
                do=f"headway init {typed(folder)}   (makes a task that runs at once)",
            )
        spec = parse(TaskSpec, read_yaml(file), str(file))
        written = read_examples(folder / "examples.jsonl")
        examples, reviews = laid_over(written, read_reviews(folder / REVIEWS))
        for example in (*examples, *reviews.ambiguous):  # those with a verdict were made anew
            example._folder = folder
        return cls(folder=folder, spec=spec, examples=examples, reviews=reviews)

    def split(self, name: Split) -> tuple[Example, ...]:
        """The examples of a split, in the task's one random order of examples: its first n are a
        random sample of it. `test` holds no draft that nobody has reviewed; it enters when it is,
        and moves no other."""
        return self._splits[name]

    def side(self, example: Example) -> Split:
        """The split that an example's group is dealt to."""
        at, shares = fraction(f"{self.spec.splits.seed}:{example.cluster}"), self.spec.splits
        return "train" if at < shares.train else "dev" if at < shares.train + shares.dev else "test"

    def set_aside(self, name: Split) -> dict[str, tuple[str, ...]]:
        """Ids of this split's examples that are left out of it, by why: `ambiguous` in a person's
        verdict, or `unreviewed`, which only `test` leaves out."""
        found = {
            "ambiguous": tuple(e.id for e in self.reviews.ambiguous if self.side(e) == name),
            "unreviewed": tuple(
                e.id for e in self.examples
                if name == "test" and e.reviewed is False and self.side(e) == name
            ),
        }  # fmt: skip
        return {why: ids for why, ids in found.items() if ids}

    @cached_property
    def _splits(self) -> dict[Split, tuple[Example, ...]]:
        dealt: dict[Split, list[tuple[float, Example]]] = {name: [] for name in SPLITS}
        shares = self.spec.splits
        for example in self.examples:
            side = self.side(example)
            if side == "test" and example.reviewed is False:
                continue
            # A second, independent hash gives the order, so that it says nothing of the split. Of
            # the example, not of its group: whole groups would make few witnesses of many
            # examples, and turns among groups would weigh a small one like a large one.
            dealt[side].append((fraction(f"order:{shares.seed}:{example.id}"), example))
        return {
            name: tuple(e for _, e in sorted(rows, key=lambda row: (row[0], row[1].id)))
            for name, rows in dealt.items()
        }

    @property
    def metric(self) -> str:
        """The metric that is optimised."""
        return self.spec.metrics[0]

    @property
    def has_knowledge(self) -> bool:
        """Whether there is a context axis at all."""
        return self.spec.knowledge is not None

    @cached_property
    def instructions(self) -> str:
        """The baseline prompt's text."""
        return read_text_or_file(self.spec.instructions, self.folder)

    @property
    def slug(self) -> str:
        """Its name in the letters that a file's name takes."""
        return re.sub(r"[^a-z0-9]+", "-", self.spec.name.lower()).strip("-")[:40] or "task"

    @property
    def typed(self) -> str:
        """The folder as one would type it in a command, here and now."""
        return typed(self.folder)

    @property
    def home(self) -> Path:
        """`.headway/`: store, cache and indexes of this task."""
        return self.folder / ".headway"


def read_yaml(file: Path) -> Any:
    """A YAML file as data. Raises InputError with the line."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise InputError(
            f"not valid YAML: {getattr(error, 'problem', error)}", where=where
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(file)) from None
    except ValueError as error:  # a date that is none, such as 2024-13-45
        raise InputError(f"not valid YAML: {error}", where=str(file)) from None


def read_examples(file: Path) -> tuple[Example, ...]:
    """`examples.jsonl` as examples. Raises InputError with file and line."""
    if not file.is_file():
        raise InputError(
            "there are no examples",
            where=str(file),
            valid='one JSON object a line: {"id": "1", "inputs": {"question": "..."}, '
            '"reference": "..."}',
            do="headway import SOURCE TASK   (SQuAD, BEIR, JSONL, CSV, Parquet)",
        )
    examples: list[Example] = []
    lines: dict[str, int] = {}
    for number, data in read_lines(file):
        where = f"{file}:{number}"
        example = parse(Example, data, where)
        if example.id in lines:
            raise InputError(
                f"the id {example.id!r} stands in line {lines[example.id]} already", where=where
            )
        lines[example.id] = number
        _enter(example, file.parent, where)
        example._folder = file.parent
        examples.append(example)
    return tuple(examples)


def line_of(file: Path, id: str) -> int | None:
    """The line of `examples.jsonl` that an example stands in; None where it cannot be found."""
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip() and str(orjson.loads(line).get("id")) == id:
                    return number
    except (OSError, ValueError, AttributeError):
        pass
    return None


def _enter(example: Example, folder: Path, where: str) -> None:
    """Check what stands in an example's inputs. Raises InputError."""
    inputs, whose = example.inputs, f"{where} (example {example.id!r})"
    alone = isinstance(inputs.get("question"), str)
    said = conversation.problem(inputs["messages"]) if "messages" in inputs and not alone else ""
    if said:
        raise InputError(said, where=whose, valid=conversation.VALID)
    if said := entering.problem(inputs, folder):
        raise InputError(said, where=whose, valid=entering.VALID)


def read_text_or_file(value: str, folder: Path) -> str:
    """A one-line value that ends like a text file is read from the folder; else it is the text."""
    if "\n" not in value and value.lower().endswith((".md", ".txt")):
        file = folder / value
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise InputError(
                "this prompt file cannot be read",
                where=str(file),
                valid="a UTF-8 file of that name, or the prompt itself instead of a name",
            ) from None
    return value.strip()


def typed(path: Path) -> str:
    """A path as one would type it: from the current folder where it lies below it, quoted."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def digest(data: Any) -> str:
    """A short stable hash of plain data: 128 bits of SHA-256 over canonical JSON, as hex."""
    canonical = orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    return hashlib.sha256(canonical).hexdigest()[:32]


def fraction(text: str) -> float:
    """A text's place in [0, 1), uniform and stable."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
