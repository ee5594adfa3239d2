"""TRL's SFTTrainer on the batches of speed.py, in an environment of its own (requirements-trl.txt).

    python trl_side.py JOB.json

JOB: weights (a folder), samples ([{input_ids, completion_mask}]), batch, steps a round, rounds,
rank, alpha, rate, threads, clock (a function of time). Before each round it writes `ready` and
waits for a line; after it, the seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Rounds(TrainerCallback):
    """Waits before each round and times it."""

    def __init__(self, steps: int, out: Any, clock: Callable[[], float]) -> None:
        self.steps, self.out, self.done, self.started = steps, out, 0, 0.0
        self.clock = clock

    def on_step_begin(self, *given: Any, **more: Any) -> None:
        if self.done % self.steps == 0:
            print("ready", file=self.out, flush=True)
            sys.stdin.readline()
            self.started = self.clock()

    def on_step_end(self, *given: Any, **more: Any) -> None:
        self.done += 1
        if self.done % self.steps == 0:
            print(self.clock() - self.started, file=self.out, flush=True)


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(job["threads"])
    torch.set_flush_denormal(True)  # as the other sides
    model = AutoModelForCausalLM.from_pretrained(job["weights"], dtype=torch.bfloat16)
    trainer = SFTTrainer(
        model=model,
        processing_class=AutoTokenizer.from_pretrained(job["weights"]),
        args=SFTConfig(
            output_dir=job["out"], per_device_train_batch_size=job["batch"], use_cpu=True,
            bf16=True,
            max_steps=job["steps"] * job["rounds"], learning_rate=job["rate"], report_to="none",
            save_strategy="no", logging_strategy="no", train_sampling_strategy="sequential",
            completion_only_loss=True, gradient_checkpointing=False, disable_tqdm=True,
            max_length=None, dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_list(job["samples"] * job["rounds"]),
        peft_config=LoraConfig(
            r=job["rank"], lora_alpha=job["alpha"], target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[Rounds(job["steps"], out, getattr(time, job["clock"]))],
    )  # fmt: skip
    trainer.train()


if __name__ == "__main__":
    main()
