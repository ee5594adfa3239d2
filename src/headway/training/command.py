"""A user's own command as a trainer: Axolotl, LLaMA-Factory, torchrun, a cluster's submit.

    accelerate launch train.py --data {train} --output_dir {out} --num_train_epochs {epochs}

It runs by the shell, in the job's folder and in a process group of its own, with the environment as
it is. What it prints goes to log.txt there, the values of variables that are named like secrets
masked, and losses in it are told as they come. A command that only submits must wait for the end of
what it submits, as `sbatch --wait` does.

How it trains is its own business, and so is going on after it was killed: it is started again with
the same {out}. Samples are in OpenAI's chat form (headway.core.training.write_samples).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import re
import shlex
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import orjson

from headway.core.errors import InputError, ModelError
from headway.core.task import digest
from headway.core.training import ADAPTER, Follow, Job, Told, Trained, read_samples
from headway.training.alone import alone, led_by
from headway.training.loglines import Lines, Seen, read_line

PLACEHOLDERS = (
    "train", "held", "base", "start", "out", "epochs", "rate", "rank", "alpha", "batch",
    "max_tokens", "seed",
)  # fmt: skip
EXAMPLE = "python train.py --data {train} --base {base} --out {out} --epochs {epochs}"
LOG = "log.txt"
LAST = 12  # lines of the log in a message
NOTE_S = 5.0  # seconds between two notes
END_S = 10.0  # seconds that a command is given to end, before it is killed
QUIET_S = 1.0  # seconds without output, after the command ended, that end the listening

_NAMED = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|(?<!\$)\{([A-Za-z_]\w*)\}")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


class CommandTrainer:
    """Trains by `Job.command`, a template of a shell command with PLACEHOLDERS in braces.

    Their values are quoted for the shell; `{{name}}` stands for `{name}` itself. {out} is a folder
    that must hold an adapter in peft's form at the end, or folders checkpoint-N with one each, as
    transformers' Trainer writes them: these are the epochs. {start} is empty where no adapter is
    gone on from; {held} may only be named where something is held out.

    Told losses are those that the command prints (headway.training.loglines); `step`, `steps`,
    `epoch`, `rate` and `tokens` are None where it does not say. The command is not held up while
    `follow` answers; where that says stop after an epoch, later checkpoints are left out of the
    result. `Trained.losses` are nan where neither trainer_state.json nor the log says, held_losses
    empty where neither says any; `tokens` is 0 where the log does not say. A job that is done is
    not run again while its results are there.
    """

    name: ClassVar[str] = "command"

    async def train(self, job: Job, follow: Follow) -> Trained:
        """See Trainer. Raises InputError for a command that cannot be filled in or that leaves no
        adapter, ModelError where it fails."""
        samples = sum(1 for _ in read_samples(job.train))
        if not samples:
            raise InputError("there is no sample to train on", where=str(job.train))
        values = _values(job)
        command = filled(job.command, values)
        key = _key(job, values)
        out = Path(values["out"])
        done = job.folder / f"command-{key}.json"
        job.folder.mkdir(parents=True, exist_ok=True)
        kept = _kept(done, out)
        if kept is None:
            async with alone(job.folder) as lock:
                before = _opened(out)
                await follow(Told("start", _start(samples)))
                if before:
                    await _tell_again(out, follow)
                followed = _Followed(job.folder / LOG, follow)
                await _run(command, job.folder, followed, lock)
                kept = followed.kept()
                _adapters(out, job)
                done.write_bytes(orjson.dumps(kept))
        return await _told(_adapters(out, job), kept, follow)


# --- the command ----------------------------------------------------------------------------------


def _values(job: Job) -> dict[str, str]:
    how = job.how
    named = PLACEHOLDERS[5:]
    numbers = (how.epochs, how.rate, how.rank, how.alpha, how.batch, how.max_tokens, how.seed)
    values = {name: f"{number:.12g}" for name, number in zip(named, numbers, strict=True)}
    files = {"train": job.train, "held": job.held, "start": job.start}
    values |= {name: str(file.resolve()) for name, file in files.items() if file is not None}
    values.setdefault("start", "")
    local = Path(job.base.path)  # or a repository's name
    values["base"] = str(local.resolve()) if local.exists() else job.base.path
    values["out"] = str((job.folder / f"out-{_key(job, values)[:8]}").resolve())
    return values


def _key(job: Job, values: Mapping[str, str]) -> str:
    """Of what could change the result: the template, what goes into it, and the samples."""
    named = {k: v for k, v in values.items() if k not in ("train", "held", "out")}
    files = [
        None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (job.train, job.held)
    ]
    return digest([job.command, named, files])[:16]


def filled(template: str | None, values: Mapping[str, str], where: str | None = None) -> str:
    """The command with its placeholders filled in. Raises InputError for one that is not known, has
    no value, or stands inside quotes although its value needs quotes of its own."""
    if not (template or "").strip():
        raise InputError("the trainer `command` needs a command", where=where, valid=EXAMPLE)
    template = str(template)
    out, at = [], 0
    for match in _NAMED.finditer(template):
        out.append(template[at : match.start()])
        at = match.end()
        if match[1]:
            out.append("{" + match[1] + "}")
            continue
        out.append(_quoted(match[2], values, template[: match.start()], where))
    return "".join([*out, template[at:]])


def _quoted(name: str, values: Mapping[str, str], before: str, where: str | None) -> str:
    if name not in PLACEHOLDERS:
        raise InputError(
            f"the command names {{{name}}}, which is no placeholder", where=where,
            valid=", ".join(f"{{{p}}}" for p in PLACEHOLDERS),
            do=f"{{{{{name}}}}} for the braces themselves",
        )  # fmt: skip
    if name not in values:
        raise InputError(
            f"the command names {{{name}}}, and nothing is held out in this training", where=where,
            do="leave it out of the command, or hold samples out",
        )  # fmt: skip
    value = shlex.quote(values[name])
    if value != values[name] and _in_quotes(before):
        raise InputError(
            f"{{{name}}} stands inside quotes, and its value is quoted already: {value}",
            where=where, do=f"take the quotes around {{{name}}} out of the command",
        )  # fmt: skip
    return value


def _in_quotes(before: str) -> bool:
    """Whether a shell is inside quotes after this text."""
    quote, skip = "", False
    for char in before:
        if skip:
            skip = False
        elif char == "\\" and quote != "'":
            skip = True
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
    return bool(quote)


async def _run(command: str, folder: Path, followed: _Followed, lock: tuple[int, ...]) -> None:
    """Run it to its end. Whatever happens, nothing of its group is left running."""
    # A pipe of our own: asyncio's would wait for whoever else holds its other end.
    ours, theirs = os.pipe()
    try:
        process = await asyncio.create_subprocess_shell(
            command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=theirs, stderr=theirs,
            start_new_session=True, pass_fds=lock,
        )  # fmt: skip
    finally:
        os.close(theirs)
    stream = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(ours, "rb", buffering=0)
    )
    led_by(folder, process.pid)
    reading = asyncio.create_task(followed.follow(stream))
    ending = asyncio.create_task(process.wait())
    try:
        await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            await reading  # what the listener raised
        code = await ending
        # What the command left in the background may hold its output open for ever.
        while not reading.done() and not followed.quiet:
            await asyncio.wait([reading], timeout=QUIET_S)
    finally:
        reading.cancel()
        await _end(process)
        ending.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        pipe.close()
        followed.close()
    if code:
        raise ModelError(
            f"the training command {_ended(code)}; it said last:\n    "
            + "\n    ".join(followed.last or ["(nothing)"]),
            where=str(folder), do=f"read {folder / LOG}; the same command starts it again",
        )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the group: asked first, then killed."""
    try:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_S)
    finally:  # also where this waiting is cancelled
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _ended(code: int) -> str:
    code = 128 - code if code < 0 else code
    said = {126: "cannot be executed", 127: "was not found",
            137: "was killed, as it is where memory is exhausted"}  # fmt: skip
    return said.get(code, f"failed with exit code {code}")


# --- what it says ---------------------------------------------------------------------------------


class _Followed:
    """Follows the output: into the log, and losses and a few other lines to who listens."""

    def __init__(self, log: Path, follow: Follow) -> None:
        self._follow = follow
        self._log = log.open("a", encoding="utf-8")
        self._lines = Lines()
        self._began = time.monotonic()
        self._noted, self._waiting = -math.inf, math.inf
        self._told: tuple[Any, ...] = ()
        self._secrets = [(v, f"[{k}]") for k, v in os.environ.items()
                         if _SECRET.search(k) and len(v) >= 8]  # fmt: skip
        self._rows: list[tuple[int, float | None, float | None]] = []
        self._step, self._steps, self._tokens, self._nan = 0, 0, 0, False
        self.last: list[str] = []

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Until the output ends."""
        while True:
            self._waiting = time.monotonic()
            piece = await stream.read(65_536)
            self._waiting = math.inf
            if not piece:
                break
            await self._take(self._lines.feed(piece))
        await self._take(self._lines.rest())

    @property
    def quiet(self) -> bool:
        """Whether nothing came for QUIET_S, and nothing is being told."""
        return time.monotonic() - self._waiting >= QUIET_S

    def close(self) -> None:
        """Keep what was said without a line's end, and close the log."""
        for line, lasts in self._lines.rest():
            self._keep(self._masked(line), lasts)
        self._log.close()

    def kept(self) -> dict[str, Any]:
        """What a finished training must still know when it is asked for again."""
        return {"rows": self._rows, "tokens": self._tokens, "seconds": self._seconds}

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    async def _take(self, lines: Sequence[tuple[str, bool]]) -> None:
        for line, lasts in lines:
            line = self._masked(line)
            self._keep(line, lasts)
            seen = read_line(line)
            if seen is not None and (seen.loss is not None or seen.held_loss is not None):
                await self._loss(seen)
            elif seen is not None:
                self._place(seen)
            elif lasts and line.strip():
                await self._note(line.strip())
        self._log.flush()

    def _masked(self, line: str) -> str:
        for value, name in self._secrets:
            line = line.replace(value, name)
        return line

    def _keep(self, line: str, lasts: bool) -> None:
        """A bar that is drawn anew is no line of the log."""
        if lasts:
            self._log.write(line + "\n")
            if line.strip():
                self.last = [*self.last, line[:500]][-LAST:]

    def _place(self, seen: Seen) -> None:
        """Where the training is: most programs name no step beside their loss, but in a bar."""
        self._step = self._step if seen.step is None else seen.step
        self._steps = self._steps if seen.steps is None else seen.steps
        self._tokens = max(self._tokens, seen.tokens or 0)

    async def _loss(self, seen: Seen) -> None:
        self._place(seen)
        if (seen.loss, seen.held_loss, self._step) == self._told:
            return  # a bar repeats its loss whenever it is drawn
        self._told = (seen.loss, seen.held_loss, self._step)
        self._rows.append((self._step, _finite(seen.loss), _finite(seen.held_loss)))
        if seen.loss is not None and _finite(seen.loss) is None and not self._nan:
            self._nan = True
            await self._follow(Told("note", {"text": f"the command says: loss {seen.loss}"}))
        if _finite(seen.loss) is not None:
            await self._follow(Told("step", {
                "step": self._step or None, "steps": self._steps or None, "epoch": seen.epoch,
                "loss": seen.loss, "rate": seen.rate, "tokens": seen.tokens,
                "seconds": self._seconds,
            }))  # fmt: skip

    async def _note(self, line: str) -> None:
        if time.monotonic() - self._noted >= NOTE_S:
            self._noted = time.monotonic()
            await self._follow(Told("note", {"text": line[:200]}))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _start(samples: int) -> dict[str, Any]:
    """Only the samples are known before the command speaks."""
    unknown = dict.fromkeys(("tokens", "steps", "left_out", "dtype", "device"))
    return {"samples": samples, **unknown}


async def _tell_again(out: Path, follow: Follow) -> None:
    found = _checkpoints(out)
    if found:
        await follow(Told("resumed", {"step": found[-1][0]}))
    said = "the command starts again with the same {out}; whether it goes on from there is its own"
    await follow(Told("note", {"text": said}))


# --- what it left ---------------------------------------------------------------------------------


def _opened(out: Path) -> bool:
    """Make the folder; whether something stands in it already."""
    out.mkdir(exist_ok=True)
    return any(out.iterdir())


def _kept(done: Path, out: Path) -> dict[str, Any] | None:
    """What is known of a training that was finished, while its results are there."""
    try:
        kept: dict[str, Any] = orjson.loads(done.read_bytes())
        return kept if _found(out) else None
    except (OSError, orjson.JSONDecodeError):
        return None


def _is_adapter(folder: Path) -> bool:
    return all((folder / name).is_file() and (folder / name).stat().st_size for name in ADAPTER)


def _checkpoints(out: Path) -> list[tuple[int, Path]]:
    """Step and folder of each checkpoint that holds an adapter, in order."""
    named = [(m, p) for p in out.iterdir() if (m := _CHECKPOINT.fullmatch(p.name))]
    return sorted((int(m[1]), p) for m, p in named if _is_adapter(p))


def _found(out: Path) -> list[tuple[int | None, Path]]:
    """Adapters in order, with the step of each; the folder's own last, unless it is one of them."""
    found: list[tuple[int | None, Path]] = list(_checkpoints(out)) if out.is_dir() else []
    if _is_adapter(out):
        own = (out / ADAPTER[1]).read_bytes()
        if all((path / ADAPTER[1]).read_bytes() != own for _, path in found):
            found.append((None, out))
    return found


def _adapters(out: Path, job: Job) -> list[tuple[int | None, Path]]:
    found = _found(out)
    if found:
        return found
    names = sorted(p.name for p in out.iterdir())
    whole = any(p.name.startswith(("model", "pytorch_model")) for p in out.rglob("*.*"))
    said = f"; found {', '.join(names[:6])}" if names else "; it is empty"
    raise InputError(
        "the command ended well and left no adapter" + said
        + (": whole weights, where an adapter is wanted (train with LoRA)" if whole else ""),
        where=str(out), valid=f"{' and '.join(ADAPTER)} there, or in folders checkpoint-N",
        do=f"read {job.folder / LOG}; a command that submits must wait for the end, as"
        " sbatch --wait",
    )  # fmt: skip


async def _told(
    adapters: Sequence[tuple[int | None, Path]], kept: Mapping[str, Any], follow: Follow
) -> Trained:
    """Tell each adapter as an epoch; where told to stop, later ones are left out."""
    losses: list[float] = []
    held: list[float] = []
    taken: list[Path] = []
    stopped, before = "", 0
    rows = _history(adapters) or [tuple(row) for row in kept["rows"]]
    for number, (step, adapter) in enumerate(adapters, start=1):
        last = step if step is not None else math.inf
        inside = [row for row in rows if before < row[0] <= last] if len(adapters) > 1 else rows
        before = step or before
        losses.append(_mean([row[1] for row in inside]))
        held.append(next((row[2] for row in reversed(inside) if row[2] is not None), math.nan))
        taken.append(adapter)
        go_on = await follow(Told("epoch", {
            "epoch": number, "loss": losses[-1], "held_loss": held[-1], "adapter": adapter,
        }))  # fmt: skip
        if not go_on and number < len(adapters):
            stopped = f"told to stop after {number} of the {len(adapters)} that were trained"
            break
    said = any(not math.isnan(loss) for loss in held)
    return Trained(
        tuple(taken), tuple(losses), tuple(held) if said else (), int(kept["tokens"]),
        float(kept["seconds"]), stopped,
    )  # fmt: skip


def _history(
    adapters: Sequence[tuple[int | None, Path]],
) -> list[tuple[int, float | None, float | None]]:
    """Step, loss and held-out loss of the last trainer_state.json, which transformers' Trainer
    writes; empty where there is none."""
    for _, folder in reversed(adapters):
        try:
            log = orjson.loads((folder / "trainer_state.json").read_bytes())["log_history"]
            return [(int(row["step"]), row.get("loss"), row.get("eval_loss")) for row in log]
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            continue
    return []


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan
