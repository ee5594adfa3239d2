"""A chat model that a task trained: `tuned/NAME`, kept in the task folder as `models/NAME/`.

    model.json     what it is: base, lineage, hashes
    adapter.gguf   over the base that runs in this process        (open: EmbeddedChat)
    merged.gguf    all weights in one file                        (open: EmbeddedChat)
    adapter_model.safetensors   in peft's form, served by vLLM    (open: the endpoint's model)

One of the three is what is opened; the others may lie beside it. This module reads and describes;
who trains writes the weights first. A model is its bytes: a base or an adapter of another hash
than model.json says is refused, since its answers would be another model's.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from headway.core.errors import InputError, ModelError
from headway.core.files import in_full, sha256_of
from headway.core.progress import Event
from headway.core.task import typed
from headway.core.training import ADAPTER
from headway.models.adapted import DESCRIPTION, FOLDER, PREFIX, Adapter, file_of, place_of
from headway.models.catalogue import PROVIDER, entry_of
from headway.models.embedded import EmbeddedChat
from headway.models.endpoint import EndpointChat
from headway.models.pull import pull
from headway.models.service import PROVIDERS, Capabilities, openai_form, service

if TYPE_CHECKING:
    from headway.models import Opening

FORMAT = 1
BESIDE, MERGED, SERVED = "adapter.gguf", "merged.gguf", ADAPTER[1]
RANKS = (16, 32, 64, 128, 256, 320, 512)
"""What vLLM's --max-lora-rank takes, from its default on."""


@dataclass(frozen=True)
class Tuned:
    """A chat model that was trained.

    base: the name of the model it was trained from (`embedded/...`; one of Hugging Face's where it
    is served). file: its weights, one of BESIDE, MERGED and SERVED. sha256: of their bytes.
    base_sha256: of the base's file, where one is needed. served_as: PROVIDER/MODEL of the endpoint
    that serves it, empty while none does. lineage: plain data: of what, how and how well.
    """

    base: str
    file: Path
    sha256: str
    base_sha256: str = ""
    served_as: str = ""
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As a task names it."""
        return PREFIX + self.file.parent.name

    @classmethod
    def of(
        cls,
        file: Path,
        base: str,
        lineage: Mapping[str, Any],
        *,
        base_file: Path | None = None,
        served_as: str = "",
    ) -> Tuned:
        """The description of weights that were just written, hashes taken. base_file: what an
        adapter.gguf was made for."""
        beside = sha256_of(base_file) if base_file is not None else ""
        tuned = cls(base, file, sha256_of(file), beside, served_as, dict(lineage))
        tuned._check()
        return tuned

    def save(self) -> Path:
        """Write model.json beside the weights; a reader sees all of it or nothing."""
        place = self.file.parent / DESCRIPTION
        held = {
            "format": FORMAT, "kind": "chat", "base": self.base, "base_sha256": self.base_sha256,
            "file": self.file.name, "sha256": self.sha256, "served_as": self.served_as,
            "lineage": dict(self.lineage),
        }  # fmt: skip
        with in_full(place) as draft:
            draft.write_bytes(orjson.dumps(held, option=orjson.OPT_INDENT_2) + b"\n")
        return place

    @classmethod
    def load(cls, name: str, folder: Path | None) -> Tuned:
        """`tuned/NAME` of the task in `folder`, its weights' hash checked. Raises InputError for
        one that is not there, damaged, or an embedding model."""
        home = folder_of(name, folder)
        place = home / DESCRIPTION
        try:
            held = orjson.loads(place.read_bytes())
            if held["format"] != FORMAT or held["kind"] != "chat":
                raise ValueError(f"format {held['format']!r} of {held['kind']!r} is not known here")
            texts = {
                key: _text(held, key) for key in ("base", "sha256", "base_sha256", "served_as")
            }
            file = _text(held, "file")
            if file not in (BESIDE, MERGED, SERVED):  # nor a path out of the folder
                raise ValueError(f"its file is {file!r}")
            found = cls(file=home / file, lineage=dict(held["lineage"]), **texts)
            found._check()
        except FileNotFoundError:
            raise _missing(name, home) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(f"this does not describe a tuned model ({error})", place) from None
        found._whole()
        return found

    def _check(self) -> None:
        if self.file.name not in (BESIDE, MERGED, SERVED):
            raise ValueError(f"its file is {self.file.name!r}")
        if not self.base or self.base.startswith(PREFIX):
            raise ValueError(f"its base is {self.base!r}")
        if (self.file.name == BESIDE) != bool(self.base_sha256):
            raise ValueError(f"{self.file.name} and a base_sha256 of {self.base_sha256!r}")
        if self.served_as and self.file.name != SERVED:
            raise ValueError(f"{self.file.name} and served_as {self.served_as!r}")

    def _whole(self) -> None:
        if not self.file.is_file():
            raise _damaged("the weights of this tuned model are not there", self.file)
        if sha256_of(self.file) != self.sha256:
            raise _damaged(f"these are not the weights that {DESCRIPTION} tells of", self.file)

    def commands(self) -> str:
        """What to type so that vLLM serves it."""
        model = self.served_as.partition("/")[2] or self.file.parent.name
        home = self.file.parent.resolve()
        line = ["vllm", "serve", self.base, "--enable-lora", "--lora-modules", f"{model}={home}"]
        rank = _rank(home)
        if rank > RANKS[0]:
            line += ["--max-lora-rank", str(next((r for r in RANKS if r >= rank), rank))]
        return shlex.join(line)


def folder_of(name: str, folder: Path | None) -> Path:
    """Where the chat model `tuned/NAME` of a task is kept. Raises InputError for what is no
    name."""
    return place_of(name, folder, "chat model", f"the folder {FOLDER}/NAME")


def base_of(name: str, folder: Path | None) -> str:
    """The model that has to be had before `tuned/NAME`, of either kind, can be used: its base, or
    what serves it; empty where all weights are merged. Raises InputError as load()."""
    if not (folder_of(name, folder) / DESCRIPTION).is_file():
        return Adapter.load(file_of(name, folder)).base
    tuned = Tuned.load(name, folder)
    return tuned.base if tuned.file.name == BESIDE else tuned.served_as


def lineage_of(name: str, folder: Path | None) -> Mapping[str, Any]:
    """What is told of how `tuned/NAME` came to be; empty where nothing can be read. Its weights
    are not looked at."""
    try:
        return dict(orjson.loads((folder_of(name, folder) / DESCRIPTION).read_bytes())["lineage"])
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return {}


def _text(held: Mapping[str, Any], key: str) -> str:
    if not isinstance(value := held[key], str):
        raise ValueError(f"{key} is {value!r}")
    return value


def _rank(home: Path) -> int:
    try:
        return int(orjson.loads((home / ADAPTER[0]).read_bytes())["r"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0  # only the hint is poorer


def _missing(name: str, home: Path) -> InputError:
    embeds = home.with_name(home.name + ".npz")
    if embeds.is_file():
        return InputError(
            f"{name} is a tuned embedding model, and a chat model is wanted here",
            where=str(embeds),
            do="name it as models: {embed: ...}, and a chat model here",
        )
    others = sorted(p.parent.name for p in home.parent.glob(f"*/{DESCRIPTION}"))
    return InputError(
        "this tuned chat model is not there",
        where=str(home),
        valid=", ".join(PREFIX + other for other in others) or "none in this task yet",
        do=f"{_tune(home)}   (or name the base, such as chat: embedded/smollm2-135m)",
    )


def _damaged(what: str, where: Path) -> InputError:
    do = f"{_tune(where.parent)}   (trains and writes it again)"
    return InputError(what, where=str(where), do=do)


def _tune(home: Path) -> str:
    """What to type for a model kept in `home`, models/NAME of its task."""
    return f"headway tune {typed(home.parent.parent)}"


# --- opening ----------------------------------------------------------------------------------


class ServedTuned(EndpointChat):
    """A tuned model that an endpoint serves. Trained again under the same name it is another
    model, so its identity has the adapter's hash, which the endpoint does not tell."""

    sha256 = ""

    @property
    def identity(self) -> str:
        """The endpoint's, and the adapter's bytes."""
        return f"{super().identity}/adapter:{self.sha256}"


async def open_tuned_chat(name: str, opening: Opening) -> EmbeddedChat | EndpointChat:
    """`tuned/NAME` of the task's folder, over its base; or at the endpoint that serves it.

    Raises InputError as Tuned.load(), for a base of other bytes, and for an endpoint that the task
    does not have; ModelError for a base that cannot be had. No fallback: over other weights an
    adapter is noise.
    """
    tuned = await asyncio.to_thread(Tuned.load, name, opening.folder)
    if tuned.file.name == SERVED:
        return _at_endpoint(tuned, opening)
    if tuned.file.name == MERGED:
        return EmbeddedChat(tuned.name, tuned.file, tuned.sha256)
    base = await _base(tuned, opening)
    # In a thread: the heads of both files are read, to see whether they fit.
    return await asyncio.to_thread(
        EmbeddedChat, tuned.name, base, tuned.base_sha256, adapter=tuned.file
    )


async def _base(tuned: Tuned, opening: Opening) -> Path:
    """The base's file, which is the one that the adapter was trained on."""
    provider, _, own = tuned.base.partition("/")
    where = str(tuned.file.parent / DESCRIPTION)
    if provider != PROVIDER:
        raise InputError(
            f"the base of {tuned.name} is {tuned.base}, which does not run in this process",
            where=where,
            valid=f"{PROVIDER}/NAME of the catalogue, or {PROVIDER}/FILE.gguf of the task folder",
        )
    if own.endswith(".gguf"):
        path = (opening.folder or Path()) / own
        if not path.is_file():
            raise InputError(
                f"the base of {tuned.name} is not there",
                where=str(path),
                valid=f"the file with sha256 {tuned.base_sha256}",
            )
        found = await asyncio.to_thread(sha256_of, path)
    else:
        entry = entry_of(tuned.base, "chat", where)
        found = entry.sha256
        if found == tuned.base_sha256:
            path = await _pulled(tuned, opening)
    if found != tuned.base_sha256:
        raise InputError(
            f"{tuned.name} was trained on another {tuned.base}: sha256 {tuned.base_sha256[:12]}…,"
            f" not {found[:12]}…",
            where=where,
            do=f"{_tune(tuned.file.parent)}   (trains it on the present one)",
        )
    return path


async def _pulled(tuned: Tuned, opening: Opening) -> Path:
    def show(done: int, total: int) -> None:
        opening.progress(Event("download", tuned.base, done, total))

    try:
        return await pull(tuned.base, show, opening.notice)
    except ModelError as error:
        raise ModelError(
            f"the base of {tuned.name} cannot be had: {error.what}",
            where=error.where,
            valid=error.valid,
            do=error.do,
        ) from None


def _at_endpoint(tuned: Tuned, opening: Opening) -> ServedTuned:
    from headway.models import prices_of

    provider = tuned.served_as.partition("/")[0]
    if not provider:
        raise InputError(
            f"nothing serves {tuned.name} yet",
            where=str(tuned.file.parent / DESCRIPTION),
            valid='"served_as": "HOUSE/NAME" in that file, HOUSE being an endpoint of task.yaml',
            do=tuned.commands(),
        )
    if provider not in (opening.endpoints or {}) and provider not in PROVIDERS:
        raise InputError(
            f"{tuned.name} is served as {tuned.served_as}, and the task has no endpoint {provider}",
            where=str(tuned.file.parent / DESCRIPTION),
            valid=f"in task.yaml:  endpoints: {{{provider}: {{base_url: http://localhost:8000/v1}}}}",
            do=tuned.commands(),
        )
    at = openai_form(
        service(tuned.served_as, endpoints=opening.endpoints, folder=opening.folder), "chat"
    )
    known = Capabilities.from_dict(opening.capabilities) if opening.capabilities else None
    model = ServedTuned(at, prices=prices_of(tuned.served_as, opening), capabilities=known)
    model.sha256 = tuned.sha256
    return model
