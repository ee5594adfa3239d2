"""A user's own command: really run, followed, cancelled, and what it leaves."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shlex
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError, ModelError
from headway.core.training import Base, Job, Sample, Settings, Told, write_samples
from headway.testing.training import Listener, TrainerContract
from headway.training import TRAINERS, open_trainer
from headway.training.command import LOG, PLACEHOLDERS, CommandTrainer, filled

# A training of sorts: an adapter for each epoch in transformers' form of folders, losses printed.
SCRIPT = """
import json, pathlib, struct, sys, time
train, out, epochs = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
rows = [json.loads(line) for line in open(train)]
print("loading weights", flush=True)

def adapter(folder, number):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8}))
    head = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    data = struct.pack("<Q", len(head)) + head + bytes([number])
    (folder / "adapter_model.safetensors").write_bytes(data)

for epoch in range(1, epochs + 1):
    for step in range(1, 3):
        now = 2 * (epoch - 1) + step
        sys.stderr.write(f"\\r 10%|#  | {now}/{2 * epochs} [00:01<00:02]")
        print(f"{{'loss': '{1 / now:.4f}', 'learning_rate': '1e-04', 'epoch': '{now / 2}'}}",
              flush=True)
        time.sleep(0.06)
    print(f"{{'eval_loss': {2 / now:.4f}, 'epoch': {epoch}.0}}", flush=True)
    adapter(out / f"checkpoint-{now}", epoch)
adapter(out, epochs)
print("{'train_runtime': 1.0, 'train_loss': 0.5, 'epoch': 2.0}")
"""

Order = Callable[..., Job]


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """Makes a job of a Python script, which is given {train} {out} {epochs}, or of a command."""

    def make(script: str = SCRIPT, command: str | None = None, **more: Any) -> Job:
        samples = [
            Sample(f"s{n}", f"g{n}", ({"role": "user", "content": f"q{n}"},
                                      {"role": "assistant", "content": f"a{n}"}))
            for n in range(4)
        ]  # fmt: skip
        train = tmp_path / "a folder's data.jsonl"  # as names are
        write_samples(train, samples)
        file = tmp_path / "train.py"
        file.write_text(textwrap.dedent(script))
        command = command or f"{sys.executable} {file} {{train}} {{out}} {{epochs}}"
        return Job(
            folder=tmp_path / "job", base=Base(name="tiny", kind="hf", path="someone/tiny"),
            train=train, how=Settings(epochs=2), command=command, **more,
        )  # fmt: skip

    return make


class TestCommand(TrainerContract):
    @pytest.fixture
    def trainer(self) -> CommandTrainer:
        return CommandTrainer()

    @pytest.fixture
    def job(self, order: Order) -> Job:
        return order()


def test_the_table_knows_it() -> None:
    assert {"lora", "command"} <= set(TRAINERS.names())
    assert isinstance(open_trainer("command"), CommandTrainer)
    with pytest.raises(InputError, match="unknown trainer 'comand'") as error:
        open_trainer("comand")
    assert "did you mean command" in str(error.value)


async def test_losses_are_told_as_they_come(order: Order) -> None:
    job, heard = order(), Listener()
    trained = await CommandTrainer().train(job, heard)
    assert [data["loss"] for data in heard.of("step")] == [1.0, 0.5, 0.3333, 0.25]
    assert [data["step"] for data in heard.of("step")] == [1, 2, 3, 4]
    assert {data["steps"] for data in heard.of("step")} == {4}
    assert heard.of("step")[0]["rate"] == 1e-4
    assert trained.losses == pytest.approx((0.75, (0.3333 + 0.25) / 2))
    assert trained.held_losses == (1.0, 0.5)
    assert [path.name for path in trained.adapters] == ["checkpoint-2", "checkpoint-4"]
    assert heard.of("note") == [{"text": "loading weights"}]
    log = (job.folder / LOG).read_text()
    assert log.startswith("loading weights\n")
    assert "train_runtime" in log


async def test_a_finished_command_is_not_run_again(order: Order) -> None:
    job = order()
    first = await CommandTrainer().train(job, Listener())
    said = (job.folder / LOG).read_bytes()
    heard = Listener()
    again = await CommandTrainer().train(job, heard)
    assert again == first
    assert (job.folder / LOG).read_bytes() == said
    assert {told.kind for told in heard.told} == {"epoch"}
    # Other samples or settings are another training, with an {out} of its own.
    other = await CommandTrainer().train(
        job.model_copy(update={"how": Settings(epochs=1)}), Listener()
    )
    assert len(other.adapters) == 1
    assert other.adapters[0].parent != first.adapters[0].parent
    # And one whose results were removed is run again.
    for path in first.adapters[0].parent.rglob("*.safetensors"):
        path.unlink()
    assert len((await CommandTrainer().train(job, Listener())).adapters) == 2
    assert len((job.folder / LOG).read_bytes()) > len(said)


async def test_one_adapter_and_no_loss(order: Order) -> None:
    job = order(command="cd {out} && printf '{{\"peft_type\": 1}}' > adapter_config.json &&"
                        " echo bytes > adapter_model.safetensors")  # fmt: skip
    trained = await CommandTrainer().train(job, Listener())
    assert len(trained.adapters) == 1
    assert math.isnan(trained.losses[0])
    assert trained.held_losses == ()


async def test_the_state_of_transformers_goes_before_the_log(order: Order) -> None:
    job = order(SCRIPT + """
log = [{"step": 2, "loss": 9.0}, {"step": 2, "eval_loss": 8.0}]
log += [{"step": 4, "loss": 7.0}, {"step": 4}]
(out / "checkpoint-4" / "trainer_state.json").write_text(json.dumps({"log_history": log}))
""")  # fmt: skip
    trained = await CommandTrainer().train(job, Listener())
    assert trained.losses == (9.0, 7.0)
    assert trained.held_losses[0] == 8.0
    assert math.isnan(trained.held_losses[1])


async def test_a_last_adapter_that_is_none_of_the_checkpoints(order: Order) -> None:
    job = order(SCRIPT + "adapter(out, 77)\n")
    trained = await CommandTrainer().train(job, Listener())
    assert len(trained.adapters) == 3
    assert trained.adapters[-1] == trained.adapters[0].parent


# --- what can go wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("echo first; echo why it failed >&2; exit 3", "failed with exit code 3"),
        ("no-such-program-at-all {train}", "was not found"),
        ("kill -9 $$", "memory is exhausted"),
    ],
)
async def test_a_command_that_fails(order: Order, command: str, what: str) -> None:
    job = order(command=command)
    with pytest.raises(ModelError) as error:
        await CommandTrainer().train(job, Listener())
    assert what in str(error.value)
    assert str(job.folder / LOG) in str(error.value)
    if "exit 3" in command:
        assert "why it failed" in str(error.value)
    # A failure is no result: the same command is run again.
    with pytest.raises(ModelError):
        await CommandTrainer().train(job, Listener())


async def test_no_adapter_at_the_end(order: Order) -> None:
    for command, said in (("true", "empty"), ("touch {out}/model.safetensors", "whole weights"),
                          ("mkdir -p {out}/checkpoint-x", "checkpoint-N")):  # fmt: skip
        with pytest.raises(InputError, match="left no adapter") as error:
            await CommandTrainer().train(order(command=command), Listener())
        assert said in str(error.value)
        assert "adapter_model.safetensors" in str(error.value)


async def test_a_command_that_cannot_be_filled_in(order: Order) -> None:
    for command, said in (
        ("train --data {data}", "{train}, {held}"),
        ("train --held {held}", "nothing is held out"),
        ('train --data "{train}"', "inside quotes"),
        ("train --data '{train}'", "inside quotes"),
        ("  ", "needs a command"),
    ):
        job = order(command=command)
        with pytest.raises(InputError) as error:
            await CommandTrainer().train(job, Listener())
        assert said in str(error.value)
        assert not (job.folder / LOG).exists()


def test_what_is_filled_in_and_what_is_left_alone() -> None:
    values = {"train": "/a b/it's.jsonl", "epochs": "3"}
    assert filled("x {train}", values) == "x '/a b/it'\"'\"'s.jsonl'"
    assert filled("'{epochs}' \"{epochs}\"", values) == "'3' \"3\""
    shell = "awk '{print $1}' ${HOME} {a,b} '{\"a\": {\"b\": 1}}' "
    assert filled(shell.replace("{print", "{{print}} {"), {}).startswith("awk '{print} {")
    assert filled("${epochs} {{epochs}} {epochs}", values) == "${epochs} {epochs} 3"
    with pytest.raises(InputError, match="no placeholder") as error:
        filled("awk {print}", values)
    assert "{{print}}" in str(error.value)


TEXTS = st.characters(exclude_characters="{}\x00", exclude_categories=["Cs"])


@given(st.text(alphabet=TEXTS), st.text(min_size=1, alphabet=TEXTS))
def test_any_value_arrives_as_one_word(around: str, value: str) -> None:
    assert shlex.split(filled("echo {train} end", {"train": value})) == ["echo", value, "end"]
    assert filled(f"echo {around}", {"train": value}) == f"echo {around}"


async def test_every_placeholder_has_a_value(order: Order, tmp_path: Path) -> None:
    start = tmp_path / "start"
    start.mkdir()
    held = tmp_path / "held.jsonl"
    held.write_text("")
    words = " ".join(f"{name}={{{name}}}" for name in PLACEHOLDERS)
    job = order(command=f"printf '%s\\n' {words}; exit 1", start=start, held=held)
    with pytest.raises(ModelError):
        await CommandTrainer().train(job, Listener())
    said = dict(line.split("=", 1) for line in (job.folder / LOG).read_text().splitlines())
    assert said["train"] == str(job.train)
    assert said["base"] == "someone/tiny"
    assert said["start"] == str(start)
    assert said["out"].startswith(str(job.folder))
    how = job.how
    assert (said["epochs"], said["rate"], said["rank"], said["alpha"]) == ("2", "0.001", "16", "32")
    assert (said["batch"], said["max_tokens"]) == (str(how.batch), str(how.max_tokens))
    assert said["seed"] == str(how.seed)


async def test_cancelling_ends_all_of_its_group(order: Order, tmp_path: Path) -> None:
    job = order(command=f"(sleep 60; true) & echo $! > {tmp_path}/child; echo begun; sleep 60")
    task = asyncio.create_task(CommandTrainer().train(job, heard := Listener()))
    await heard.until("note")
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - start < 5
    child = int((tmp_path / "child").read_text())
    await asyncio.sleep(0.1)
    assert not _runs(child)


async def test_a_listener_that_fails_ends_the_command(order: Order, tmp_path: Path) -> None:
    job = order(command=f"echo $$ > {tmp_path}/shell; echo loss: 1.5; sleep 60")

    async def follow(told: Any) -> bool:
        if told.kind == "step":
            raise InputError("enough")
        return True

    with pytest.raises(InputError, match="enough"):
        await asyncio.wait_for(CommandTrainer().train(job, follow), 20)
    assert not _runs(int((tmp_path / "shell").read_text()))


def _runs(pid: int) -> bool:
    """Whether a process is alive and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_what_it_leaves_running_holds_up_nobody(order: Order) -> None:
    job = order(command="sleep 60 & echo done")
    start = time.monotonic()
    with pytest.raises(InputError, match="left no adapter"):
        await CommandTrainer().train(job, Listener())
    assert time.monotonic() - start < 10


async def test_one_that_still_runs_is_not_started_twice(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.training.alone.STILL_S", 0.3)
    job = order(command="echo begun; sleep 60")
    task = asyncio.create_task(CommandTrainer().train(job, heard := Listener()))
    await heard.until("note")
    with pytest.raises(InputError, match="still running"):
        await CommandTrainer().train(job, Listener())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_interrupted_one_is_started_again_with_the_same_out(order: Order) -> None:
    job = order(SCRIPT.replace("for epoch in", "already = sorted(p.name for p in out.iterdir())\n"
                               "print('there:', already, flush=True)\nfor epoch in"))  # fmt: skip
    first = Listener()

    async def follow(told: Told) -> bool:
        if told.kind == "step" and told.data["step"] == 3:  # after checkpoint-2
            raise RuntimeError("killed here")
        return await first(told)

    with pytest.raises(RuntimeError, match="killed here"):
        await CommandTrainer().train(job, follow)
    heard = Listener()
    trained = await CommandTrainer().train(job, heard)
    assert len(trained.adapters) == 2
    assert heard.of("resumed") == [{"step": 2}]
    assert any("is its own" in data["text"] for data in heard.of("note"))
    assert "there: ['checkpoint-2']" in (job.folder / LOG).read_text()


KILLED = """
import asyncio, pathlib, sys
from headway.core.training import Job
from headway.training.command import CommandTrainer

async def follow(told):
    print(told.kind, flush=True)
    return True

job = Job.model_validate_json(pathlib.Path(sys.argv[1]).read_text())
asyncio.run(CommandTrainer().train(job, follow))
"""


async def test_killed_with_no_time_to_say_so(order: Order, tmp_path: Path) -> None:
    """The command that is left behind ends with its next word, as nobody hears it; then another is
    started."""
    job = order()
    described = tmp_path / "job.json"
    described.write_text(job.model_dump_json())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(described), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while (await process.stdout.readline()).strip() != b"step":
        pass
    process.kill()
    await process.wait()
    trained = await CommandTrainer().train(job, Listener())
    assert len(trained.adapters) == 2


async def test_weird_output(order: Order) -> None:
    job = order("""
        import os, sys
        os.write(1, b"\\xff\\xfe\\x00 not UTF-8 \\r\\r\\n" + b"x" * 300_000 + b"\\n")
        for n in range(2000):
            os.write(2, f"\\r{n}/2000 loss=0.5".encode())
        os.write(1, b"\\nloss: nan\\n{'loss': }\\nloss: 1e999\\nloss: 0.25 without an end")
        sys.exit(1)
    """)
    heard = Listener()
    with pytest.raises(ModelError, match="without an end"):
        await CommandTrainer().train(job, heard)
    # A bar is drawn two thousand times; its loss is told once, and it fills no log.
    assert [data["loss"] for data in heard.of("step")] == [0.5, 0.25]
    assert len(heard.of("note")) <= 3
    assert (job.folder / LOG).read_text().count("loss=0.5") <= 1


async def test_secrets_are_not_logged(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "hf_abcdefgh12345")
    monkeypatch.setenv("PLAIN_SETTING", "is-passed-through")
    job = order(command="echo $HUB_TOKEN $PLAIN_SETTING; exit 1")
    heard = Listener()
    with pytest.raises(ModelError) as error:
        await CommandTrainer().train(job, heard)
    said = (job.folder / LOG).read_text()
    assert said == "[HUB_TOKEN] is-passed-through\n"
    assert os.environ["HUB_TOKEN"] not in str(error.value) + str(heard.told)


# transformers' Trainer as a user would write it: an adapter in each checkpoint, its own log lines.
TRAINER = """
import json, sys
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
train, base, out, epochs, rank = sys.argv[1:]
tokens = AutoTokenizer.from_pretrained(base)
rows = []
for line in open(train):
    messages = json.loads(line)["messages"]
    text = "".join(m["role"] + " " + m["content"] + " " for m in messages)
    ids = tokens(text)["input_ids"][:48]
    ids += [tokens.pad_token_id] * (48 - len(ids))
    rows.append({"input_ids": ids, "labels": ids})
model = get_peft_model(AutoModelForCausalLM.from_pretrained(base),
                       LoraConfig(r=int(rank), target_modules="all-linear"))
Trainer(model, TrainingArguments(
    out, num_train_epochs=int(epochs), per_device_train_batch_size=4, save_strategy="epoch",
    logging_steps=1, report_to=[], use_cpu=True), train_dataset=rows[:8]).train()
"""


async def test_transformers_trainer(tiny: Base, samples_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(TRAINER)
    command = f"{sys.executable} {file} {{train}} {{base}} {{out}} {{epochs}} {{rank}}"
    how = Settings(epochs=2, rank=4, alpha=8)
    job = Job(folder=tmp_path / "job", base=tiny, train=samples_file, how=how, command=command)
    heard = Listener()
    trained = await CommandTrainer().train(job, heard)
    assert [path.name for path in trained.adapters] == ["checkpoint-2", "checkpoint-4"]
    assert all(loss > 0 for loss in trained.losses)
    assert len(heard.of("step")) == 4
    assert [data["steps"] for data in heard.of("step")][-1] == 4
    told = [data["loss"] for data in heard.of("step")]
    assert sum(told[:2]) / 2 == pytest.approx(trained.losses[0], rel=0.01)
    config = json.loads((trained.adapters[-1] / "adapter_config.json").read_text())
    assert config["r"] == 4
