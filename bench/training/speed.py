"""How fast LoRA trains a small model, against what the machine's matrix products allow.

    python bench/training/speed.py [--quick] [--busy] [--trl PYTHON]

About 5 minutes on two idle cores, --quick 1, --busy 6; it says so first. --busy is for a machine
that others use as well: one thread, and its processor time in place of the clock's. Four sides
train on the same batches of examples/tickets (8 samples a step, about 190 tokens each, 70 of them
the reply), in bfloat16, in turn, forwards and backwards, so that what else the machine does hits
all alike:

- limit: only the matrix products that no way of training can do without: of all frozen linear
  layers once forward and once for the gradient of the input, of the head on the replies alone,
  without padding, LoRA, attention or anything between;
- ours: a step of the trainer `lora`, optimizer and all;
- peft: the loop that a person would write, model(**batch, labels=...).loss.backward(), on the same
  padded batches, the same optimizer;
- trl: SFTTrainer on the same batches, told to compute in bfloat16. Its environment is made by
      python -m venv bench/scratch/trl-venv
      bench/scratch/trl-venv/bin/pip install -r bench/training/requirements-trl.txt
  and the side is left out where it is not there.

Tokens are those of prompts and replies, padding not counted. A figure is the median over rounds of
limit's seconds by the side's, in the same round. Rows are kept in speed.jsonl; SPEED.md is written
anew. Every run is measured again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import torch

from headway.core.task import Task
from headway.core.training import Base, Job, Sample, Settings
from headway.models.pull import pull
from headway.training.fast import fast_learner
from headway.training.lora import KEEP_MEMORY
from headway.training.lora_data import Encoded, batches, encode, parts
from headway.training.lora_process import PART, load_model, load_tokenizer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
from kept import Kept  # noqa: E402

MODEL = "embedded/smollm2-135m"
TRL = ROOT / "bench" / "scratch" / "trl-venv" / "bin" / "python"
HOW = Settings()
CLOCKS = {"perf_counter": "the clock", "process_time": "processor time (the machine was shared)"}
SIDES = {
    "limit": "the matrix products alone",
    "ours": "Headway's trainer",
    "peft": "plain peft loop",
    "trl": "TRL's SFTTrainer",
}


def samples() -> list[Sample]:
    """examples/tickets: a short instruction, the inputs, the reference as JSON."""
    made = []
    for example in Task.load(ROOT / "examples" / "tickets").split("train"):
        text = "\n".join(f"{name}: {value}" for name, value in example.inputs.items())
        messages = (
            {"role": "system", "content": "Turn the message into a ticket."},
            {"role": "user", "content": text},
            {"role": "assistant", "content": orjson.dumps(example.reference).decode()},
        )
        made.append(Sample(example.id, example.group or example.id, messages))
    return made


class Limit:
    """The matrix products of one step and nothing else."""

    def __init__(self, model: Any) -> None:
        causal = model.get_base_model()
        self.head = causal.lm_head.weight
        self.groups = []
        for layer in causal.model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            for joined in (
                [attention.q_proj, attention.k_proj, attention.v_proj], [attention.o_proj],
                [mlp.gate_proj, mlp.up_proj], [mlp.down_proj],
            ):  # fmt: skip
                self.groups.append(torch.cat([m.base_layer.weight.data for m in joined]))

    @torch.no_grad()
    def step(self, batch: list[Encoded]) -> None:
        tokens, written = sum(len(s.ids) for s in batch), sum(s.written for s in batch)
        inputs = {n: torch.ones(tokens, n, dtype=torch.bfloat16) for w in self.groups
                  for n in w.shape}  # fmt: skip
        for weight in self.groups:
            inputs[weight.shape[1]] @ weight.T
        logits = torch.ones(written, self.head.shape[1], dtype=torch.bfloat16) @ self.head.T
        logits @ self.head
        for weight in self.groups:
            inputs[weight.shape[0]] @ weight


class Ours:
    """A step of the trainer: parts, gradients, clipping, AdamW."""

    def __init__(self, model: Any) -> None:
        self.learner = fast_learner(model)
        assert self.learner is not None
        self.parameters, self.optimizer = _optimizer(model)

    def step(self, batch: list[Encoded]) -> None:
        written = sum(s.written for s in batch)
        for part in parts(batch, PART):
            self.learner.learn(part, written)
        _update(self.parameters, self.optimizer)


class Peft:
    """The loop that a person would write."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.parameters, self.optimizer = _optimizer(model)

    def step(self, batch: list[Encoded]) -> None:
        longest = max(len(s.ids) for s in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for row, sample in enumerate(batch):
            n = len(sample.ids)
            ids[row, :n], mask[row, :n] = torch.tensor(sample.ids), 1
            labels[row, sample.shown : n] = ids[row, sample.shown : n]
        self.model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
        _update(self.parameters, self.optimizer)


class Trl:
    """TRL in its own process, a round at a time."""

    def __init__(
        self, python: Path, weights: Path, order: list[list[Encoded]], rounds: int, clock: str
    ) -> None:
        job = {
            "weights": str(weights), "out": str(weights / "out"), "batch": HOW.batch,
            "steps": len(order), "rounds": rounds, "rank": HOW.rank, "alpha": HOW.alpha,
            "rate": HOW.rate, "threads": torch.get_num_threads(), "clock": clock,
            "samples": [
                {"input_ids": list(s.ids),
                 "completion_mask": [0] * s.shown + [1] * s.written} for b in order for s in b
            ],
        }  # fmt: skip
        (weights / "job.json").write_text(json.dumps(job))
        self.process = subprocess.Popen(
            [python, HERE / "trl_side.py", weights / "job.json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(),
            stderr=(weights / "trl.txt").open("w"),
        )  # fmt: skip
        self._expect()

    def _expect(self) -> None:
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("TRL's side failed; run trl_side.py by hand to see why")

    def round(self, last: bool) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        took = float(self.process.stdout.readline())
        if not last:
            self._expect()
        return took


def _environment() -> dict[str, str]:
    """Without what is ours; memory is kept as in our own process."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def _optimizer(model: Any) -> tuple[list[Any], Any]:
    parameters = [p for p in model.parameters() if p.requires_grad]
    return parameters, torch.optim.AdamW(parameters, lr=HOW.rate, weight_decay=0.0, fused=True)


def _update(parameters: list[Any], optimizer: Any) -> None:
    torch.nn.utils.clip_grad_norm_(parameters, HOW.clip)
    optimizer.step()
    optimizer.zero_grad()


def timed(step: Callable[[list[Encoded]], None], order: list[list[Encoded]], clock: str) -> float:
    now = getattr(time, clock)
    started = now()
    for batch in order:
        step(batch)
    return float(now() - started)


def measure(rounds: int, steps: int, python: Path, busy: bool) -> dict[str, Any]:
    """Seconds of each side in each round."""
    torch.set_flush_denormal(True)
    clock = "process_time" if busy else "perf_counter"
    if busy:
        torch.set_num_threads(1)
    base = Base(name=MODEL, kind="gguf", path=str(asyncio.run(pull(MODEL))))
    tokenizer = load_tokenizer(base)
    encoded = [encode(tokenizer, s) for s in samples()]
    order = [
        [encoded[i] for i in batch]
        for batch in batches([len(s.ids) for s in encoded], HOW.batch, HOW.seed, 0)[:steps]
    ]
    tokens = sum(len(s.ids) for b in order for s in b)
    run: dict[str, Callable[[], float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder)
        plain = load_model(Job(folder=HERE, base=base, train=HERE), torch.float32).unload()
        plain.hf_quantizer = None  # read from a GGUF, its weights are plain numbers now
        plain.save_pretrained(weights)
        tokenizer.save_pretrained(weights)
        job = Job(folder=HERE, base=Base(name=MODEL, kind="hf", path=folder), train=HERE)
        for name, side in (("limit", Limit), ("peft", Peft), ("ours", Ours)):
            made = side(load_model(job, torch.bfloat16))
            made.step(order[0])
            run[name] = lambda made=made: timed(made.step, order, clock)
        if python.is_file():
            trl = Trl(python, weights, order, rounds + 1, clock)
            trl.round(last=False)
            left = iter(range(rounds - 1, -1, -1))
            run["trl"] = lambda: trl.round(last=next(left) == 0)
        took: dict[str, list[float]] = {name: [] for name in run}
        for turn in range(rounds):
            for name in list(run) if turn % 2 == 0 else reversed(run):
                took[name].append(run[name]())
            print({n: round(tokens / t[-1]) for n, t in took.items()}, flush=True)
    return {
        "tokens": tokens, "steps": steps, "rounds": rounds, "threads": torch.get_num_threads(),
        "torch": torch.__version__, "clock": clock, "load": os.getloadavg()[0], "seconds": took,
    }  # fmt: skip


def table(row: dict[str, Any]) -> str:
    """SPEED.md of one run."""
    took, tokens = row["seconds"], row["tokens"]
    lines = [
        "# How fast LoRA trains SmolLM2-135M on this machine's CPU", "",
        f"`python bench/training/speed.py --rounds {row['rounds']} --steps {row['steps']}` on"
        f" examples/tickets: {row['rounds']} rounds of"
        f" {row['steps']} step(s), {tokens:,} tokens a round, threads: {row['threads']}, seconds of"
        f" {CLOCKS[row['clock']]}, torch {row['torch']}, load {row['load']:.1f} at the end. What"
        " the sides are stands in the script. Share of the limit: median over rounds, lowest to"
        " highest.", "",
        "| side | tokens/s | share of the limit | lowest to highest |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for name in SIDES:
        if name in took:
            shares = [a / b for a, b in zip(took["limit"], took[name], strict=True)]
            rate = tokens / statistics.median(took[name])
            lines.append(
                f"| {SIDES[name]} | {rate:.0f} | {statistics.median(shares):.2f} |"
                f" {min(shares):.2f} to {max(shares):.2f} |"
            )
    lines += ["", *(f"Ours over {SIDES[name]}: {_over(took, name):.2f}." for name in ("peft", "trl")
                    if name in took)]  # fmt: skip
    return "\n".join(lines) + "\n"


def _over(took: dict[str, list[float]], name: str) -> float:
    return statistics.median(a / b for a, b in zip(took[name], took["ours"], strict=True))


def _again_keeping_memory() -> None:
    """Start anew as the trainer starts its process, so that all sides keep their memory alike."""
    if not set(KEEP_MEMORY) <= set(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})


def main() -> None:
    _again_keeping_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds of one step")
    parser.add_argument("--busy", action="store_true", help="one thread, its processor time")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--steps", type=int, help="of a round")
    parser.add_argument("--trl", type=Path, default=TRL, help="python of TRL's environment")
    given = parser.parse_args()
    steps = given.steps or (1 if given.quick else 2)
    rounds = given.rounds or (2 if given.quick else 5 if given.busy else 8)
    minutes = 1 if given.quick else 6 if given.busy else 5
    print(f"about {minutes} minutes on two idle cores", flush=True)
    if not given.trl.is_file():
        print(f"without TRL: {given.trl} is not there", flush=True)
    row = measure(rounds, steps, given.trl, given.busy)
    Kept(HERE / "speed.jsonl").put(
        ("quick" if given.quick else "full") + (", busy" if given.busy else ""), row
    )
    text = table(row)
    print(text)
    if not given.quick:
        (HERE / "SPEED.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
