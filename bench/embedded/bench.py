"""What the embedded chat model costs over its own runtime, and which settings are worth having.

    python bench/embedded/bench.py            all, on the default model
    python bench/embedded/bench.py --quick    the small model, fewer repeats: does it still work?
    python bench/embedded/bench.py --only headway flash --again

Every experiment is a pair: side A and side B answer the same prompts in turn, A B B A ..., in one
process, so that whatever else the machine does hits both alike. The figure is the median over
repeats of time(A) / time(B): above 1, B is faster. Each repeat has new prompts, so that nothing
is answered from a cache but the shared prefix, as in a real run. What is finished is in
results.jsonl and is not measured again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headway.core.record import ChatRequest, Message
from headway.models.catalogue import entry_of
from headway.models.embedded import SPIN, EmbeddedChat, Settings, _body, _library, _start
from headway.models.pull import pull

HERE = Path(__file__).parent
RESULTS = HERE / "results.jsonl"
OUT = 10
"""Tokens of each answer, at most."""

RULES = (
    "You answer employees' questions from the company handbook. Use only the passages that are "
    "shown. Answer in as few words as possible. If the passages do not hold the answer, say "
    "exactly: I do not know. Never guess, and do not repeat the question.",
    "You are the help desk of a company. Read the notes with care, then answer the question in a "
    "few words taken from the notes. Say that it is not known if the notes do not tell. Be exact "
    "with numbers, names and dates, and add no explanation.",
    "Label questions. You see some notes and a question about them. Say which department it is "
    "for: finance, people, travel, security or buildings. Think of who would write such notes. "
    "Answer with one word from this list and nothing else, in small letters.",
)
PLACES = (
    "Oslo",
    "Lyon",
    "Porto",
    "Ghent",
    "Turin",
    "Graz",
    "Cork",
    "Bergen",
    "Malmo",
    "Leeds",
    "Basel",
    "Delft",
    "Vigo",
    "Brno",
)
THINGS = (
    ("The allowance for meals in {p} is {n} euros a day", "What is the meal allowance in {p}?"),
    ("The office in {p} opens at {h} and has {n} desks", "When does the office in {p} open?"),
    ("Trains to {p} are booked {n} days ahead by {w}", "Who books trains to {p}?"),
    (
        "Visitors in {p} get a badge that is valid for {n} hours",
        "How long is a badge in {p} valid?",
    ),
    ("The car park in {p} has {n} places and costs {m} euros", "What does parking in {p} cost?"),
    ("Laptops in {p} are renewed after {m} months by {w}", "When are laptops in {p} renewed?"),
)
WHO = ("Ada", "Boris", "Chen", "Dora", "Emil", "Farah", "Gita", "Hugo")


def prompts(count: int, seed: int, groups: int = 1) -> list[tuple[Message, ...]]:
    """Prompts of about 250 tokens, of which the first 60 to 70 are shared within a group; in
    order of groups."""
    draw = random.Random(seed)
    made: list[tuple[Message, ...]] = []
    for group in range(groups):
        for _ in range(count // groups):
            facts, asked = [], []
            for place in draw.sample(PLACES, 9):
                fact, question = draw.choice(THINGS)
                values = {
                    "p": place,
                    "n": draw.randint(11, 99),
                    "m": draw.randint(11, 99),
                    "h": f"{draw.randint(6, 10)}:{draw.randint(10, 59)}",
                    "w": draw.choice(WHO),
                }
                facts.append(fact.format(**values) + ".")
                asked.append(question.format(**values))
            text = "\n".join(facts) + f"\n\nQuestion: {draw.choice(asked)}"
            made.append((Message("system", RULES[group]), Message("user", text)))
    return made


SHORT = Settings(context=2048)


@dataclass(frozen=True)
class Side:
    """One way to answer: through Headway or the runtime alone, with some settings."""

    settings: Settings = SHORT
    headway: bool = False
    shuffled: bool = False
    body: dict[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> Side:
        """The same with other settings."""
        return replace(self, settings=replace(self.settings, **changes))


@dataclass(frozen=True)
class Experiment:
    """What is compared: B over A."""

    name: str
    says: str
    a: Side
    b: Side
    groups: int = 1
    count: int = 4


BASE = Side()
PLAIN = {"top_k": 40, "samplers": ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p",
                                   "min_p", "xtc", "temperature"]}  # fmt: skip

EXPERIMENTS = (
    Experiment("headway", "EmbeddedChat over the runtime alone", BASE, replace(BASE, headway=True)),
    Experiment("threads", "2 threads over 1", BASE.but(threads=1), BASE.but(threads=2)),
    Experiment("slots4", "4 slots over 1", BASE.but(slots=1), BASE.but(slots=4)),
    Experiment("slots8", "8 slots over 4", BASE, BASE.but(slots=8), count=8),
    Experiment("flash", "flash attention on over off",
               BASE.but(flash_attention="off"), BASE.but(flash_attention="on")),
    Experiment("ubatch128", "n_ubatch 128 over 512", BASE, BASE.but(ubatch=128)),
    Experiment("cache", "prefix cache on over off", replace(BASE, body={"cache_prompt": False}),
               BASE),
    Experiment("order", "3 prefixes on 2 slots: calls in order of prefix over shuffled",
               replace(BASE, shuffled=True).but(slots=2), BASE.but(slots=2), groups=3, count=18),
    Experiment("greedy", "one-sampler greedy over the runtime's usual chain",
               replace(BASE, body=PLAIN), BASE),
    Experiment("unified", "one cache for all slots over one a slot", BASE, BASE.but(unified=True)),
    Experiment("cacheram", "3 prefixes shuffled on 2 slots: 1 GiB of host cache over none",
               replace(BASE, shuffled=True).but(slots=2),
               replace(BASE, shuffled=True).but(slots=2, cache_ram_mib=1024), groups=3, count=18),
    Experiment("slots2", "2 slots over 1", BASE.but(slots=1), BASE.but(slots=2)),
    Experiment("ubatch1024", "n_ubatch 1024 over 512", BASE, BASE.but(ubatch=1024)),
    Experiment("batch512", "n_batch 512 over 2048", BASE, BASE.but(batch=512)),
)  # fmt: skip


class Runner:
    """A loaded side."""

    def __init__(self, side: Side, path: Path, sha256: str) -> None:
        self.side = side
        self.chat = EmbeddedChat("bench", path, sha256, side.settings) if side.headway else None
        self.server: Any = None if side.headway else _start(path, side.settings, "bench")

    def run(self, asked: list[tuple[Message, ...]], seed: int) -> tuple[float, int, int, list[str]]:
        """Seconds, tokens read and written, tokens from the cache, answers."""
        if self.side.shuffled:
            asked = random.Random(seed).sample(asked, len(asked))
        requests = [ChatRequest(messages, max_tokens=OUT) for messages in asked]
        started = time.perf_counter()
        if self.chat is not None:
            chat = self.chat
            before = chat.cached_prompt_tokens

            async def gathered() -> list[Any]:
                return await asyncio.gather(*(chat.chat(request) for request in requests))

            replies = asyncio.run(gathered())
            took = time.perf_counter() - started
            tokens = sum(r.prompt_tokens + r.completion_tokens for r in replies)
            return took, tokens, chat.cached_prompt_tokens - before, [r.text for r in replies]

        def one(request: ChatRequest) -> dict[str, Any]:
            body = {**_body(request), "stream": False, **self.side.body}
            body.pop("stream_options")
            reply: dict[str, Any] = self.server.handle_chat_completions(body)
            return reply

        with ThreadPoolExecutor(self.side.settings.slots) as pool:
            found = list(pool.map(one, requests))
        took = time.perf_counter() - started
        usages = [reply["usage"] for reply in found]
        return (
            took,
            sum(u["total_tokens"] for u in usages),
            sum(u["prompt_tokens_details"]["cached_tokens"] for u in usages),
            [reply["choices"][0]["message"]["content"] for reply in found],
        )

    def close(self) -> None:
        if self.chat is not None:
            asyncio.run(self.chat.close())
        self.server = None


def pair(experiment: Experiment, path: Path, sha256: str, repeats: int) -> dict[str, Any]:
    """Time A and B in turn."""
    sides = [Runner(side, path, sha256) for side in (experiment.a, experiment.b)]
    warm = prompts(3, 10_000, groups=experiment.groups)
    for side in sides:
        side.run(warm, 0)
    took: list[list[float]] = [[], []]
    rates: list[list[float]] = [[], []]
    cached = [0, 0]
    for repeat in range(repeats):
        asked = prompts(experiment.count, repeat, experiment.groups)
        for which in (0, 1) if repeat % 2 == 0 else (1, 0):
            seconds, tokens, reused, _ = sides[which].run(asked, repeat)
            took[which].append(seconds)
            rates[which].append(tokens / seconds)
            cached[which] += reused
    for side in sides:
        side.close()
    ratios = [a / b for a, b in zip(*took, strict=True)]
    return {
        "says": experiment.says,
        "ratio": round(statistics.median(ratios), 3),
        "low": round(min(ratios), 3),
        "high": round(max(ratios), 3),
        "repeats": repeats,
        "tokens_per_s": [round(statistics.median(r)) for r in rates],
        "cached_tokens": cached,
        "threads": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def spin(model: str, repeats: int, busy: bool) -> dict[str, Any]:
    """Threads that sleep after SPIN turns of waiting (ours) over OpenMP's own 300,000. Read when
    the library is loaded, so each run is a process. busy: another process uses one core."""
    took: list[list[float]] = [[], []]
    for repeat in range(repeats):
        for which in (0, 1) if repeat % 2 == 0 else (1, 0):
            command = [sys.executable, __file__, "--model", model, "--once", str(repeat)]
            variables = {**os.environ, "GOMP_SPINCOUNT": ("300000", SPIN)[which]}
            loop = [sys.executable, "-c", "while True: pass"]
            other = subprocess.Popen(loop) if busy else None
            try:
                said = subprocess.run(command, env=variables, capture_output=True, check=True)
            finally:
                if other is not None:
                    other.kill()
                    other.wait()
            took[which].append(float(said.stdout))
    ratios = [a / b for a, b in zip(*took, strict=True)]
    return {
        "says": f"waiting threads sleep after {SPIN} turns over 300,000"
        + (", one other busy process" if busy else ""),
        "ratio": round(statistics.median(ratios), 3),
        "low": round(min(ratios), 3),
        "high": round(max(ratios), 3),
        "repeats": repeats,
        "load": os.getloadavg()[0],
    }


def stability(path: Path, sha256: str, count: int) -> dict[str, Any]:
    """How many greedy answers change with what is computed beside them, or was before."""
    asked = prompts(count, 77)
    alone = replace(BASE.but(slots=1), body={"cache_prompt": False})
    sides = {
        "alone, no cache, again": alone,
        "alone, prefix cached": BASE.but(slots=1),
        "4 slots, first": BASE,
        "4 slots, other order": replace(BASE, shuffled=True),
        "8 slots": BASE.but(slots=8),
    }
    runner = Runner(alone, path, sha256)
    reference = runner.run(asked, 0)[3]
    runner.close()
    changed = {}
    for name, side in sides.items():
        runner = Runner(side, path, sha256)
        answers = runner.run(asked, 5)[3]
        runner.close()
        order = list(range(count))
        if side.shuffled:
            order = random.Random(5).sample(order, count)
        changed[name] = sum(
            reference[i] != answer for i, answer in zip(order, answers, strict=True)
        )
    return {"says": "greedy answers that differ from those computed alone", "of": count,
            "changed": changed}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded/qwen2.5-coder-0.5b")
    parser.add_argument("--quick", action="store_true", help="the small model, two repeats")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="names of experiments")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once is not None:
        path = asyncio.run(pull(given.model))
        runner = Runner(BASE, path, entry_of(given.model).sha256)
        runner.run(prompts(1, 9_999), 0)
        print(runner.run(prompts(4, given.once), 0)[0])
        runner.close()
        return
    model = "embedded/smollm2-135m" if given.quick else given.model
    repeats = 2 if given.quick else given.repeats
    entry = entry_of(model, "chat")
    path = asyncio.run(pull(model, notice=print))
    version = _library().__version__
    done = set()
    if RESULTS.is_file() and not given.again:
        for line in RESULTS.read_text().splitlines():
            row = json.loads(line)
            done.add((row["model"], row["runtime"], row["experiment"]))
    names = [*(e.name for e in EXPERIMENTS), "spin", "spin_busy", "stability"]
    unknown = set(given.only or ()) - set(names)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(names)}")
    left = [n for n in given.only or names if (model, version, n) not in done]
    probe = Runner(BASE, path, entry.sha256)
    each = max(probe.run(prompts(4, 20_000 + i), 0)[0] for i in range(2)) / 4
    probe.close()
    calls = {e.name: 2 * repeats * e.count + 6 for e in EXPERIMENTS} | {"stability": 6 * 16}
    expected = each * sum(calls.get(name, 2 * repeats * 6) for name in left)
    print(f"{model}, {len(left)} experiments, about {expected / 60:.0f} min", flush=True)
    by_name = {e.name: e for e in EXPERIMENTS}
    for name in left:
        if name.startswith("spin"):
            found = spin(model, repeats, busy=name == "spin_busy")
        elif name == "stability":
            found = stability(path, entry.sha256, 16)
        else:
            found = pair(by_name[name], path, entry.sha256, repeats)
        row = {"model": model, "runtime": version, "experiment": name, **found,
               "machine": f"{platform.machine()}, {os.cpu_count()} cores"}  # fmt: skip
        with RESULTS.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps({k: row[k] for k in row if k not in ("model", "runtime", "machine")}),
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
