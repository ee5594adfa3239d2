"""The weights that a tuning starts from, found by a model's name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import orjson

from headway.core.errors import InputError, MissingExtra
from headway.core.files import sha256_of
from headway.core.task import Task
from headway.core.training import ADAPTER, Base
from headway.core.weights import read_head
from headway.engine.parts import Parts
from headway.models.adapted import DESCRIPTION, FOLDER, PREFIX
from headway.models.pull import obtain
from headway.models.service import PROVIDERS
from headway.models.tuned import Tuned
from headway.training.lora import insist

EMBEDDED = "embedded/"
WRITING = ("gguf", "safetensors")  # packages that write an adapter in GGUF's form


@dataclass(frozen=True)
class Start:
    """base: the weights. adapter: of an earlier tuned model to go on from, in peft's form.
    served: whether the result can be served in this process, and so be measured here."""

    base: Base
    adapter: Path | None = None

    @property
    def served(self) -> bool:
        """Only a GGUF adapter is, by the embedded runtime."""
        return self.base.kind == "gguf"

    def hashes(self) -> tuple[str, str]:
        """Of the base's file, or its name where it is a folder or a repository; of the adapter,
        empty where there is none. Reads both files."""
        base = Path(self.base.path)
        return (
            sha256_of(base) if base.is_file() else self.base.path,
            "" if self.adapter is None else sha256_of(self.adapter / ADAPTER[1]),
        )

    def context(self) -> int | None:
        """Tokens that the weights read; None where they do not say."""
        if not self.served:
            return None
        head = read_head(Path(self.base.path))
        found = head.values.get(f"{head.architecture}.context_length")
        return found if isinstance(found, int) else None

    def shape(self) -> dict[str, float]:
        """Rank and scale of the adapter; empty where there is none."""
        if self.adapter is None:
            return {}
        held = orjson.loads((self.adapter / ADAPTER[0]).read_bytes())
        return {"rank": int(held["r"]), "alpha": float(held["lora_alpha"])}


def able(start: Start, trainer: str) -> None:
    """Raises MissingExtra or InputError where the training could not be, or its result not be
    written: said before a teacher is asked or a second is trained."""
    packaged(start, trainer)
    if start.served:
        from headway.training.gguf import base_of

        base_of(Path(start.base.path))


def packaged(start: Start, trainer: str) -> None:
    """Raises MissingExtra where a package is not installed that the training needs, or what writes
    its result for the embedded runtime: a command of one's own leaves that to us."""
    if trainer == "lora":
        insist()
    elif start.served and any(find_spec(name) is None for name in WRITING):
        raise MissingExtra("writing an adapter for the embedded runtime", "finetune")


def servable(task: Task, start: Start, serve: str | None) -> None:
    """Raises InputError for an endpoint (HOUSE/NAME) that could not serve the result."""
    if not serve:
        return
    if start.served:
        raise InputError(
            f"{start.base.name} runs in this process, and so will what is trained from it: no"
            f" endpoint serves it as {serve}",
            valid="--serve beside a base in Hugging Face's form", do="leave --serve out",
        )  # fmt: skip
    house, _, model = serve.partition("/")
    houses = [*task.spec.endpoints, *PROVIDERS]
    if house not in houses or not model:
        raise InputError(
            f"--serve {serve} names no model at an endpoint", where=str(task.folder / "task.yaml"),
            valid=f"HOUSE/NAME, HOUSE one of {', '.join(houses)}",
            do="in task.yaml: endpoints: {house: {base_url: http://localhost:8000/v1}}"
            f"   then: --serve house/{model or house}",
        )  # fmt: skip


async def start_of(parts: Parts, model: str | None, base: str | None) -> Start:
    """model: as the pipeline names it; base: weights named by hand, a folder in Hugging Face's
    form or a repository's name on its hub, an embedded model, or a tuned one, with or without
    `tuned/`. Raises InputError for a model behind an endpoint, whose weights nobody has here, and
    what obtaining a model raises."""
    name = base or model or parts.task.spec.models.chat
    if name.startswith(PREFIX):
        tuned = Tuned.load(name, parts.task.folder)
        found = await start_of(parts, None, tuned.base)
        home = tuned.file.parent
        missing = [part for part in ADAPTER if not (home / part).is_file()]
        if missing:
            raise InputError(
                f"{name} cannot be gone on from: {missing[0]} is missing", where=str(home),
                valid="a tuned model whose adapter is kept in peft's form, as `headway tune` does",
            )  # fmt: skip
        return Start(found.base, home)
    if name.startswith(EMBEDDED):
        named, path = await _file(parts, name)
        return Start(Base(name=named, kind="gguf", path=str(path)))
    if base and (found_there := _hugging_face(name)):
        return Start(found_there)
    if "/" not in name and (parts.task.folder / FOLDER / name / DESCRIPTION).is_file():
        return await start_of(parts, None, PREFIX + name)
    if base:
        raise InputError(
            f"--base {name} is no model that can be trained here",
            valid="embedded/NAME, tuned/NAME, a folder with config.json and weights in Hugging"
            " Face's form, or OWNER/REPOSITORY of its hub",
        )
    raise InputError(
        f"the weights of {name} are behind an endpoint, so it cannot be tuned from here",
        where=str(parts.task.folder / "task.yaml"),
        valid="weights that are here, or a command of yours that trains them",
        do="--base embedded/qwen2.5-coder-0.5b, or --base FOLDER with Hugging Face's files",
    )


def _hugging_face(name: str) -> Base | None:
    """A folder in Hugging Face's form, or what may be a repository of its hub."""
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        here = str(folder.resolve())  # what is typed names another folder elsewhere
        return Base(name=here, kind="hf", path=here)
    if not folder.exists() and name.count("/") == 1 and not name.endswith(".gguf"):
        return Base(name=name, kind="hf", path=name)
    return None


async def _file(parts: Parts, name: str) -> tuple[str, Path]:
    """The GGUF file of an embedded model, fetched if need be, and whose it is: where the default
    model cannot be had, another stands in for it."""
    own = name.removeprefix(EMBEDDED)
    if own.endswith(".gguf"):
        path = parts.task.folder / own
        if not path.is_file():
            raise InputError(f"{name} names a file that is not there", where=str(path))
        return name, path.resolve()
    entry, path = await obtain(name, "chat", parts.progress, parts.notices.add)
    return entry.name, path
