"""What Headway adds to a call: CPU time, throughput and memory beside bare clients.

    python bench/overhead/run.py [--quick] [--fresh]

2,000 examples with distinct prompts of about 200 tokens, against a loopback service that always
answers the same, at once and after 50 ms, with 1 and 64 calls in flight. Rows:

    bare aiohttp            a loop of session.post, orjson both ways
    bare openai client      a loop of AsyncOpenAI().chat.completions.create, its defaults
    EndpointChat            Headway's client alone: limiter, retries, reading the reply
    headway evaluate        the product: task, pipeline, cache, store, metric exact_match

Each measurement is a process of its own. CPU is user + system time of that process (getrusage)
over the measured calls, imports and a warm-up of 64 calls left out; for `headway evaluate` there
is no warm-up, and setting up the run's store is counted. Memory is the process's peak. Rows take
turns within a repeat, so that a change of the machine's load falls on all. Measurements are kept
in bench/scratch/overhead/results.jsonl and not taken twice; after a change of the code, --fresh
forgets them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "scratch" / "overhead"
KEPT = WORK / "results.jsonl"
RESULTS = HERE / "RESULTS.md"
OPENAI = "openai==3.54.0"

ANSWER = "forty two"
REPLY = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 3, "total_tokens": 203},
    }
)
ROWS = ("bare aiohttp", "bare openai client", "EndpointChat", "headway evaluate")
SETTINGS = (("0 ms", 1), ("0 ms", 64), ("50 ms", 1), ("50 ms", 64))
WARM_UP = 64
WORDS = ("time", "people", "year", "way", "day", "thing", "world", "life", "hand", "part", "child")

Call = Callable[[str], Awaitable[None]]


def prompts(count: int) -> list[str]:
    """Distinct prompts of about 200 tokens (180 words and a number)."""
    return [
        f"Example {i}: " + " ".join(WORDS[(i * 7 + j * 3) % len(WORDS)] for j in range(180))
        for i in range(count)
    ]


# --- one measurement, in a process of its own -------------------------------------------------


async def drive(call: Call, texts: list[str], in_flight: int) -> None:
    """All texts through `call`, so many at once."""
    left = iter(texts)

    async def worker() -> None:
        for text in left:
            await call(text)

    await asyncio.gather(*(worker() for _ in range(in_flight)))


@contextlib.contextmanager
def measured(count: int) -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of the block, per evaluation, into the mapping."""
    out: dict[str, float] = {}
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield out
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    out |= {
        "per_second": count / wall,
        "cpu_ms": 1000 * cpu / count,
        "peak_mb": after.ru_maxrss / 1024,
    }


async def with_calls(call: Call, count: int, in_flight: int) -> dict[str, float]:
    """Warm up, then measure."""
    texts = prompts(count + WARM_UP)
    await drive(call, texts[count:], in_flight)
    with measured(count) as out:
        await drive(call, texts[:count], in_flight)
    return out


async def bare_aiohttp(url: str, count: int, in_flight: int) -> dict[str, float]:
    """The floor: nothing but the library."""
    import aiohttp
    import orjson

    connector = aiohttp.TCPConnector(limit=in_flight)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def call(text: str) -> None:
            body = {
                "model": "m",
                "messages": [{"role": "user", "content": text}],
                "max_tokens": 16,
                "temperature": 0.0,
            }
            async with session.post(f"{url}/chat/completions", data=orjson.dumps(body)) as reply:
                data = orjson.loads(await reply.read())
            assert data["choices"][0]["message"]["content"] == ANSWER

        return await with_calls(call, count, in_flight)


async def bare_openai(url: str, count: int, in_flight: int) -> dict[str, float]:
    """The usual client, as its documentation shows it."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=url, api_key="none") as client:

        async def call(text: str) -> None:
            reply = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": text}],
                max_tokens=16,
                temperature=0.0,
            )
            assert reply.choices[0].message.content == ANSWER

        return await with_calls(call, count, in_flight)


async def endpoint_chat(url: str, count: int, in_flight: int) -> dict[str, float]:
    """Headway's client alone."""
    from headway.core.record import ChatRequest, Message
    from headway.core.task import Endpoint
    from headway.models.endpoint import EndpointChat
    from headway.models.service import service

    endpoint = Endpoint(base_url=url, concurrency=in_flight)
    model = EndpointChat(service("stub/m", endpoints={"stub": endpoint}))

    async def call(text: str) -> None:
        reply = await model.chat(ChatRequest((Message("user", text),), max_tokens=16))
        assert reply.text == ANSWER

    try:
        return await with_calls(call, count, in_flight)
    finally:
        await model.close()


def headway_evaluate(url: str, count: int, in_flight: int) -> dict[str, float]:
    """The whole product, on a generated task in a folder of its own."""
    try:
        import headway as hw
        import headway.workspace
    except ImportError as error:
        return {"skipped": f"headway.workspace cannot be imported yet ({error})"}  # type: ignore[dict-item]
    if not (hasattr(hw, "Task") and hasattr(hw, "evaluate")):
        return {"skipped": "headway has no Task and evaluate yet"}  # type: ignore[dict-item]
    with tempfile.TemporaryDirectory(prefix="headway-overhead-") as name:
        folder = Path(name)
        (folder / "task.yaml").write_text(
            "name: overhead\n"
            "metrics: [exact_match]\n"
            "models: {chat: stub/m}\n"
            f"endpoints: {{stub: {{base_url: '{url}', concurrency: {in_flight}}}}}\n"
            "splits: {train: 0.0, dev: 1.0, test: 0.0}\n"
        )
        with (folder / "examples.jsonl").open("w") as out:
            for i, text in enumerate(prompts(count)):
                row = {"id": str(i), "inputs": {"question": text}, "reference": ANSWER}
                out.write(json.dumps(row) + "\n")
        task = hw.Task.load(folder)
        assert len(task.split("dev")) == count
        with measured(count) as out_:
            hw.evaluate(task, limit=None)
        return out_


def measure(row: str, url: str, count: int, in_flight: int) -> dict[str, float]:
    """One row, in this process."""
    if row == "headway evaluate":
        return headway_evaluate(url, count, in_flight)
    run = {
        "bare aiohttp": bare_aiohttp,
        "bare openai client": bare_openai,
        "EndpointChat": endpoint_chat,
    }[row]
    return asyncio.run(run(url, count, in_flight))


# --- services ---------------------------------------------------------------------------------


@contextlib.contextmanager
def nginx() -> Iterator[str]:
    """nginx with a fixed reply; yields the base URL."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="headway-nginx-") as name:
        os.chmod(name, 0o755)
        config = Path(name) / "nginx.conf"
        config.write_text(
            f"daemon off; worker_processes 1; pid {name}/pid; error_log stderr crit;\n"
            "events { worker_connections 1024; }\n"
            "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600;\n"
            f" client_body_temp_path {name}/body; proxy_temp_path {name}/proxy;\n"
            f" fastcgi_temp_path {name}/f; uwsgi_temp_path {name}/u; scgi_temp_path {name}/s;\n"
            f" server {{ listen 127.0.0.1:{port}; default_type application/json;\n"
            f"  location / {{ return 200 '{REPLY}'; }} }} }}\n"
        )
        process = subprocess.Popen([shutil.which("nginx") or "nginx", "-c", str(config)])
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def c_stub(delay_us: int) -> Iterator[str]:
    """delay.c beside this file."""
    WORK.mkdir(parents=True, exist_ok=True)
    binary = WORK / "delay"
    compiler = shutil.which("cc") or "gcc"
    subprocess.run([compiler, "-O2", "-o", str(binary), str(HERE / "delay.c")], check=True)
    process = subprocess.Popen(
        [str(binary), str(delay_us), REPLY], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def python_stub(delay_s: float) -> Iterator[str]:
    """headway.testing.stub, where there is neither nginx nor a C compiler."""
    process = subprocess.Popen(
        (
            *(sys.executable, "-m", "headway.testing.stub"),
            *("--answer", ANSWER, "--latency", str(delay_s)),
        ),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def services() -> dict[str, tuple[str, Callable[[], contextlib.AbstractContextManager[str]]]]:
    """For each latency what serves it, in words, and how to start it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    fallback = "headway.testing.stub (aiohttp; slow: its limit shows in the figures)"
    slow = (
        ("delay.c (one thread, epoll)", lambda: c_stub(50_000))
        if compiler
        else (fallback, lambda: python_stub(0.05))
    )
    if shutil.which("nginx"):
        return {"0 ms": ("nginx, `return 200`", nginx), "50 ms": slow}
    quick = (
        ("delay.c (one thread, epoll)", lambda: c_stub(0))
        if compiler
        else (fallback, lambda: python_stub(0.0))
    )
    return {"0 ms": quick, "50 ms": slow}


# --- all of them ------------------------------------------------------------------------------


def openai_python() -> str | None:
    """The Python of a venv of the bench's own with the openai client; None if it cannot be had."""
    python = WORK / "venv" / "bin" / "python"
    if not python.exists():
        print(f"installing {OPENAI} into {python.parent.parent.relative_to(HERE.parent)} ...")
        subprocess.run([sys.executable, "-m", "venv", str(WORK / "venv")], check=True)
    have = subprocess.run([str(python), "-c", "import openai"], capture_output=True)
    if have.returncode:
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", OPENAI])
        if done.returncode:
            print("the openai client could not be installed: its row is left out")
            return None
    return str(python)


def kept() -> dict[str, dict[str, float]]:
    """Measurements of earlier runs."""
    if not KEPT.exists():
        return {}
    rows = [json.loads(line) for line in KEPT.read_text().splitlines() if line.strip()]
    return {row["key"]: row for row in rows}


def count_of(latency: str, in_flight: int, quick: bool) -> int:
    """Examples of a setting: at 50 ms one by one, 2,000 would only be 100 s of waiting."""
    whole = 400 if quick else 2000
    return whole // 10 if (latency, in_flight) == ("50 ms", 1) else whole


def main() -> None:
    """Measure what is missing, then write RESULTS.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="400 examples, one repeat")
    parser.add_argument("--fresh", action="store_true", help="forget earlier measurements")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--in-flight", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        print(json.dumps(measure(given.row, given.url, given.count, given.in_flight)))
        return
    print(f"about {'1 minute' if given.quick else '12 minutes'}, less what is kept already")
    WORK.mkdir(parents=True, exist_ok=True)
    if given.fresh:
        KEPT.unlink(missing_ok=True)
    repeats = 1 if given.quick else 5
    python = {row: sys.executable for row in ROWS}
    client = openai_python()
    rows = [row for row in ROWS if row != "bare openai client" or client]
    if client:
        python["bare openai client"] = client
    done, by_latency = kept(), services()
    for latency, (words, start) in by_latency.items():
        print(f"{latency}: {words}")
        with start() as url:
            for repeat in range(repeats):
                for at, in_flight in SETTINGS:
                    if at != latency:
                        continue
                    count = count_of(latency, in_flight, given.quick)
                    for row in rows:
                        one(done, python[row], row, latency, url, count, in_flight, repeat)
    write(done, rows, by_latency, given.quick, repeats)


def one(
    done: dict[str, dict[str, float]],
    python: str,
    row: str,
    latency: str,
    url: str,
    count: int,
    in_flight: int,
    repeat: int,
) -> None:
    """One measurement, unless it is kept."""
    key = f"{row}|{latency}|{in_flight}|{count}|{repeat}"
    if key in done:
        return
    run = subprocess.run(
        (
            *(python, __file__, "--row", row, "--url", url),
            *("--count", str(count), "--in-flight", str(in_flight)),
        ),
        capture_output=True,
        text=True,
    )
    if run.returncode:
        print(f"  {key}: failed\n{run.stderr[-2000:]}")
        return
    found = json.loads(run.stdout.splitlines()[-1])
    if "skipped" in found:
        print(f"  {row}: skipped: {found['skipped']}")
        return
    done[key] = {"key": key, **found}
    with KEPT.open("a") as out:
        out.write(json.dumps(done[key]) + "\n")
    print(
        f"  {row}, {latency}, {in_flight} in flight: {found['per_second']:.0f}/s,"
        f" {found['cpu_ms']:.3f} ms CPU, {found['peak_mb']:.0f} MB"
    )


def write(
    done: dict[str, dict[str, float]],
    rows: list[str],
    by_latency: dict[str, tuple[str, object]],
    quick: bool,
    repeats: int,
) -> None:
    """RESULTS.md: medians, with lowest and highest of the CPU time."""
    lines = [
        "# What Headway adds to a call",
        "",
        f"`python bench/overhead/run.py{' --quick' if quick else ''}`,"
        f" {time.strftime('%Y-%m-%d')}, {OPENAI.replace('==', ' ')},"
        f" {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}."
        f" Median of {repeats} (CPU: lowest to highest)."
        + " ".join(f" {latency}: {words}." for latency, (words, _) in by_latency.items()),
        "",
        "The load of other processes on the machine was not controlled: read ratios within a"
        " block, not absolute figures.",
    ]
    for latency, in_flight in SETTINGS:
        count = count_of(latency, in_flight, quick)
        block = []
        base = None
        for row in rows:
            found = [
                done[key]
                for repeat in range(repeats)
                if (key := f"{row}|{latency}|{in_flight}|{count}|{repeat}") in done
            ]
            if not found:
                block.append(f"| {row} | not measured | | | |")
                continue
            cpu = [f["cpu_ms"] for f in found]
            middle = statistics.median(cpu)
            base = base or middle
            block.append(
                f"| {row} | {statistics.median(f['per_second'] for f in found):,.0f}"
                f" | {middle:.3f} ({min(cpu):.3f} to {max(cpu):.3f}) | {middle / base:.2f}"
                f" | {statistics.median(f['peak_mb'] for f in found):.0f} |"
            )
        lines += [
            "",
            f"## {latency}, {in_flight} in flight, {count:,} examples",
            "",
            "| | evaluations/s | CPU ms an evaluation | beside bare aiohttp | peak MB |",
            "| --- | ---: | ---: | ---: | ---: |",
            *block,
        ]
    RESULTS.write_text("\n".join(lines) + "\n")
    print(f"written: {RESULTS.relative_to(HERE.parent.parent)}")


if __name__ == "__main__":
    main()
