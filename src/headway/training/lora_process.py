"""The process of the trainer `lora`: python -m headway.training.lora_process JOB.json

It tells what it does by lines on stdout (training/lora.py says which) and ends when its stdin
ends. What is computed is deterministic: the same job on the same machine with the same number of
threads gives the same adapter, killed in between or not.

- Weights are frozen, in bfloat16 where the machine multiplies it faster, else in float32; adapters
  and optimizer are float32. Loss: mean nats a token of the replies of a step, in float32.
- AdamW (Loshchilov and Hutter, 2019); gradients are clipped by their common norm.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import orjson

from headway.core.errors import HeadwayError, InputError, MissingExtra, ModelError
from headway.core.training import ADAPTER, Base, Job, Sample, Settings, Told, read_samples
from headway.core.weights import read_head
from headway.training.checkpoint import Progress, clear, keep, newest, write_folder
from headway.training.lora import ANSWER, LOG, as_data, out_of_memory
from headway.training.lora_data import Encoded, batches, encode, parts
from headway.training.replies import Replies

FEWEST = 8  # samples from which anything can be learnt
PART = 4096  # tokens computed at once; a step of more is computed in parts
EARLY, LATE = 5, 20  # steps whose mean losses are compared to see a training diverge
OPTIMIZER = "optimizer.pt"


class Line:
    """The line to who started this process."""

    def __init__(self, folder: Path) -> None:
        # Libraries print. What they print goes to stderr, and stdout is kept for what is told.
        self._out: IO[bytes] = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._log = folder / LOG
        self._answers: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # Unbuffered: at the interpreter's end a buffer's lock, held by this thread, is fatal.
        with open(0, "rb", buffering=0, closefd=False) as stream:
            for line in stream:
                self._answers.put(line)
        os.kill(os.getpid(), signal.SIGTERM)  # nobody listens any more

    def tell(self, told: Told) -> None:
        line = orjson.dumps({"kind": told.kind, "data": told.data}) + b"\n"
        self._send(line)
        with self._log.open("ab") as log:
            log.write(line)

    def fail(self, error: HeadwayError) -> None:
        """The last line; not in the log, which may be what failed."""
        self._send(orjson.dumps({"error": as_data(error)}) + b"\n")

    def _send(self, line: bytes) -> None:
        self._out.write(line)
        self._out.flush()

    def go_on(self, replies: Replies | None = None) -> bool:
        """Wait for the answer to an epoch, and reply to what is asked before it."""
        while "ask" in (said := orjson.loads(self._answers.get())):
            assert replies is not None
            told: dict[str, Any]
            try:
                told = {"replies": replies(said["ask"], plain=said["plain"])}
            except Exception as error:  # a measurement that fails must not end what it measures
                told = {"failed": as_data(unanswered(error))}
            self._send(orjson.dumps(told) + b"\n")
        return bool(said["go"])


def main() -> int:
    """Train, or with `answer` only reply; the exit code is that of the error, which was told."""
    job = Job.model_validate_json(Path(sys.argv[1]).read_bytes())
    line = Line(job.folder)
    try:
        (answer if ANSWER in sys.argv[2:] else train)(job, line)
    except HeadwayError as error:
        line.fail(error)
        return error.exit_code
    except (OSError, MemoryError, RuntimeError) as error:
        why = known(error, job)
        if why is None:
            raise
        line.fail(why)
        return why.exit_code
    return 0


def known(error: Exception, job: Job) -> ModelError | None:
    """What the machine ran out of, if that is why."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            "the disk is full",
            where=str(job.folder),
            do="free some space, then the same command again: it goes on from the last checkpoint",
        )
    return out_of_memory(str(job.folder)) if _of_memory(error) else None


def _of_memory(error: Exception) -> bool:
    text = str(error).lower()
    said = "out of memory" in text or "allocate memory" in text
    return said or isinstance(error, MemoryError)


def unanswered(error: Exception) -> HeadwayError:
    """Why replies could not be computed, for who asked."""
    if isinstance(error, HeadwayError):
        return error
    if _of_memory(error):
        return ModelError("memory was exhausted while replies were computed")
    return ModelError(f"replies could not be computed: {_first_line(error)}")


def train(job: Job, line: Line) -> None:
    """Train, or go on with, `job`. Raises what Trainer raises."""
    digest = _digest(job)
    found = newest(job.folder)
    progress = Progress.read(found) if found is not None else Progress(digest)
    if progress.digest != digest:
        note = "the folder holds a checkpoint of another job or other data: begun anew"
        line.tell(Told("note", {"text": note}))
        found, progress = None, Progress(digest)
        clear(job.folder)
    if found is not None:
        line.tell(Told("start", progress.start))
        line.tell(Told("resumed", {"step": progress.step}))
        for told in progress.epochs:
            if not _tell_epoch(job, line, told):
                return
    if progress.epoch < job.how.epochs:
        samples = _samples(job)
        _libraries(job.base)
        Training(job, line, progress, found, *samples).run()


def answer(job: Job, line: Line) -> None:
    """Reply to what is asked with the adapter `job.start`, until told to end."""
    import torch

    _libraries(job.base)
    _threads(torch, job.how.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = choose_dtype(job.how.dtype, device)
    model = load_model(job, getattr(torch, dtype)).to(device)
    line.go_on(Replies(model, load_tokenizer(job.base)))


def _tell_epoch(
    job: Job, line: Line, told: Mapping[str, Any], replies: Replies | None = None
) -> bool:
    """Tell of a finished epoch, and hear whether to go on. replies: by its weights, where these are
    the ones at hand."""
    adapter = job.folder.resolve() / f"epoch-{told['epoch']}"
    can = {} if replies is None else {"answers": True}
    line.tell(Told("epoch", {**told, **can, "adapter": str(adapter)}))
    return line.go_on(replies)


def _samples(job: Job) -> tuple[list[Sample], list[Sample]]:
    """Samples to train on and those held out. Counted before heavy libraries are loaded."""
    train = list(read_samples(job.train))
    _enough(train, f"{len(train)} sample{'s' * (len(train) != 1)}", job)
    return train, [] if job.held is None else list(read_samples(job.held))


def _enough(samples: Sequence[object], what: str, job: Job, do: str | None = None) -> None:
    if len(samples) < FEWEST:
        raise InputError(
            f"{what}: too few to learn from",
            where=str(job.train),
            valid=f"at least {FEWEST}; 50 to 100 for a pilot",
            do=do,
        )


def _libraries(base: Base) -> None:
    """Import what training needs, or say what to install."""
    try:
        for name in ("torch", "peft", "safetensors", *(["gguf"] if base.kind == "gguf" else [])):
            importlib.import_module(name)
        import transformers
    except ImportError:
        raise MissingExtra("fine-tuning", "finetune") from None
    said: Any = transformers.utils.logging
    said.disable_progress_bar()
    said.set_verbosity_error()


def _digest(job: Job) -> str:
    """Of all that decides what comes out: settings, samples, weights by size. Not of the folder,
    the threads and how often a checkpoint is written."""
    asked = job.model_dump(
        mode="json", exclude={"folder": True, "how": {"threads", "checkpoint_s"}}
    )
    found = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))
    files = [job.train, *([job.held] if job.held else [])]
    files += [job.start / name for name in ADAPTER] if job.start else []
    for file in files:
        try:
            found.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None
    weights = Path(job.base.path)
    if weights.exists():
        every = sorted(weights.rglob("*")) if weights.is_dir() else [weights]
        found.update(orjson.dumps([[f.name, f.stat().st_size] for f in every if f.is_file()]))
    return found.hexdigest()


def rate_at(step: int, steps: int, how: Settings) -> float:
    """The learning rate of step 0, 1, ...: up over the warm-up, then linearly to a tenth."""
    warm = math.ceil(how.warmup * steps)
    if step < warm:
        return how.rate * (step + 1) / warm
    return how.rate * (1 - 0.9 * (step - warm) / max(1, steps - 1 - warm))


def diverges(first: Sequence[float], last: Sequence[float]) -> bool:
    """Whether a loss left the ground: no number, or after LATE steps twice the mean of the first
    and more than a nat above it."""
    if last and not math.isfinite(last[-1]):
        return True
    if len(last) < LATE:
        return False
    then, now = sum(first) / len(first), sum(last) / len(last)
    return now > 2 * then and now > then + 1


class Training:
    """One training under way."""

    def __init__(
        self, job: Job, line: Line, progress: Progress, found: Path | None,
        train: list[Sample], held: list[Sample],
    ) -> None:  # fmt: skip
        import torch

        from headway.training.fast import fast_learner

        self.job, self.how, self.line, self.progress = job, job.how, line, progress
        _threads(torch, job.how.threads)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = tokenizer = load_tokenizer(job.base)
        self.train, long = _encoded(tokenizer, train, job.how.max_tokens)
        self.held, _ = _encoded(tokenizer, held, job.how.max_tokens)
        _enough(
            self.train,
            f"{len(self.train)} of {len(train)} samples have at most {job.how.max_tokens} tokens",
            job,
            do=f"a greater max_tokens: the longest has {long}",
        )
        self.steps = job.how.epochs * math.ceil(len(self.train) / job.how.batch)
        dtype = str(progress.start.get("dtype") or choose_dtype(job.how.dtype, self.device))
        torch.manual_seed(job.how.seed)
        self.model = load_model(job, getattr(torch, dtype)).to(self.device)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=job.how.rate, weight_decay=job.how.decay, fused=True
        )
        self.learner: Any = fast_learner(self.model) or Plain(self.model)
        if found is not None:
            self._restore(found)
        else:
            self._tell_start(len(train) - len(self.train), dtype)

    def _tell_start(self, left_out: int, dtype: str) -> None:
        self.progress.start = {
            "samples": len(self.train),
            "tokens": sum(len(s.ids) for s in self.train),
            "steps": self.steps,
            "left_out": left_out,
            "dtype": dtype,
            "device": str(self.device),
        }
        self.line.tell(Told("start", self.progress.start))

    def run(self) -> None:
        """All epochs that are left, unless who follows says that it is enough."""
        saved = time.monotonic()
        for epoch in range(self.progress.epoch, self.how.epochs):
            lengths = [len(s.ids) for s in self.train]
            order = batches(lengths, self.how.batch, self.how.seed, epoch)
            for batch in order[self.progress.position :]:
                self._step([self.train[i] for i in batch])
                if time.monotonic() - saved > self.how.checkpoint_s:
                    self._checkpoint()
                    saved = time.monotonic()
            if not self._finish_epoch():
                return
            saved = time.monotonic()

    def _step(self, samples: list[Encoded]) -> None:
        import torch

        started, progress = time.perf_counter(), self.progress
        written = sum(s.written for s in samples)
        rate = rate_at(progress.step, self.steps, self.how)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        nats = 0.0
        for part in parts(samples, PART):
            nats += self.learner.learn(part, written)
        torch.nn.utils.clip_grad_norm_(self.parameters, self.how.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        progress.step += 1
        progress.position += 1
        progress.tokens += sum(len(s.ids) for s in samples)
        progress.seconds += time.perf_counter() - started
        progress.nats += nats
        progress.written += written
        self._tell_step(nats / written, rate)

    def _tell_step(self, loss: float, rate: float) -> None:
        progress = self.progress
        progress.first = [*progress.first, loss][:EARLY]
        progress.last = [*progress.last, loss][-LATE:]
        if diverges(progress.first, progress.last):
            raise ModelError(
                f"the loss diverges: {loss:.2f} at step {progress.step} of {self.steps}, after"
                f" {sum(progress.first) / len(progress.first):.2f} at the start",
                where=str(self.job.train),
                do=f"a smaller rate, for instance {self.how.rate / 5:.0e} (it was"
                f" {self.how.rate:.0e})",
            )
        self.line.tell(Told("step", {
            "step": progress.step, "steps": self.steps, "epoch": progress.epoch + 1, "loss": loss,
            "rate": rate, "tokens": progress.tokens, "seconds": progress.seconds,
        }))  # fmt: skip

    def _finish_epoch(self) -> bool:
        progress = self.progress
        done = progress.epoch + 1
        write_folder(self.job.folder / f"epoch-{done}", self._adapter())
        told = {
            "epoch": done, "epochs": self.how.epochs, "loss": progress.nats / progress.written,
            "held_loss": self._held_loss(), "tokens": progress.tokens, "seconds": progress.seconds,
        }  # fmt: skip
        progress.epochs.append(told)
        progress.epoch, progress.position, progress.nats, progress.written = done, 0, 0.0, 0
        self._checkpoint()
        return _tell_epoch(self.job, self.line, told, Replies(self.model, self.tokenizer))

    def _held_loss(self) -> float | None:
        if not self.held:
            return None
        self.model.eval()
        every = sorted(self.held, key=lambda s: len(s.ids))
        nats: float = sum(self.learner.nats(part) for part in parts(every, PART))
        return nats / sum(s.written for s in self.held)

    def _adapter(self) -> dict[str, bytes]:
        """The files of the adapter in peft's form."""
        from peft import get_peft_model_state_dict
        from safetensors.torch import save

        tensors = get_peft_model_state_dict(self.model)
        config = self.model.peft_config["default"].to_dict()
        config = {k: sorted(v) if isinstance(v, set) else v for k, v in config.items()}
        config |= {"base_model_name_or_path": self.job.base.path, "inference_mode": True}
        return {
            ADAPTER[0]: orjson.dumps(config, option=orjson.OPT_INDENT_2),
            ADAPTER[1]: save({k: v.contiguous().cpu() for k, v in tensors.items()},
                             metadata={"format": "pt"}),
        }  # fmt: skip

    def _checkpoint(self) -> None:
        import io

        import torch

        stream = io.BytesIO()
        state = {"optimizer": self.optimizer.state_dict(), "random": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state()
        torch.save(state, stream)
        keep(self.job.folder, self.progress, {**self._adapter(), OPTIMIZER: stream.getvalue()})

    def _restore(self, found: Path) -> None:
        import torch
        from peft import set_peft_model_state_dict
        from safetensors.torch import load

        set_peft_model_state_dict(self.model, load((found / ADAPTER[1]).read_bytes()))
        state = torch.load(found / OPTIMIZER, weights_only=True, map_location=self.device)
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        if "random_cuda" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"].cpu())


class Plain:
    """The loss by the model's own forward pass: of any architecture that transformers knows."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def learn(self, samples: Sequence[Encoded], written: int) -> float:
        """Add the gradient of nats / `written` to the adapters'; returns nats, the sum over the
        reply tokens of -log p."""
        nats = self._nats(samples)
        (nats / written).backward()
        return float(nats.detach())

    def nats(self, samples: Sequence[Encoded]) -> float:
        """The sum over the reply tokens of -log p."""
        import torch

        with torch.no_grad():
            return float(self._nats(samples))

    def _nats(self, samples: Sequence[Encoded]) -> Any:
        import torch

        device = next(self.model.parameters()).device
        longest = max(len(s.ids) for s in samples)
        ids = torch.zeros(len(samples), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, sample in enumerate(samples):
            ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
            mask[row, : len(sample.ids)] = 1
        # Logits are as many numbers as the vocabulary has entries: only where they are needed.
        needed = sorted({at for s in samples for at in range(s.shown - 1, len(s.ids) - 1)})
        columns = {at: column for column, at in enumerate(needed)}
        logits = self.model(
            input_ids=ids.to(device), attention_mask=mask.to(device),
            logits_to_keep=torch.tensor(needed, device=device), use_cache=False,
        ).logits  # fmt: skip
        rows, places, wanted = [], [], []
        for row, sample in enumerate(samples):
            for at in range(sample.shown - 1, len(sample.ids) - 1):
                rows.append(row)
                places.append(columns[at])
                wanted.append(sample.ids[at + 1])
        return torch.nn.functional.cross_entropy(
            logits[rows, places].float(), torch.tensor(wanted, device=device), reduction="sum"
        )


def _threads(torch: Any, asked: int | None) -> None:
    given = os.environ.get("HEADWAY_THREADS", "").strip()
    if asked is None and given.isdecimal() and int(given) > 0:
        asked = int(given)
    if asked is not None:
        torch.set_num_threads(asked)
    torch.set_flush_denormal(True)


def _encoded(tokenizer: Any, samples: list[Sample], longest: int) -> tuple[list[Encoded], int]:
    """Those of at most `longest` tokens, and the length of the longest of all."""
    found = [encode(tokenizer, sample) for sample in samples]
    fit = [s for s in found if len(s.ids) <= longest]
    return fit, max((len(s.ids) for s in found), default=0)


def _where(base: Base) -> tuple[str, dict[str, str]]:
    """The first argument and the further ones of from_pretrained."""
    if base.kind == "hf":
        return base.path, {}
    return str(Path(base.path).parent), {"gguf_file": Path(base.path).name}


def load_tokenizer(base: Base) -> Any:
    """Raises InputError where it cannot be read, or holds no chat template."""
    from transformers import AutoTokenizer

    folder, more = _where(base)
    try:
        found = AutoTokenizer.from_pretrained(folder, **more)
    except Exception as error:  # a broken file makes each reader raise errors of its own
        raise _unreadable(base, error) from None
    if base.kind == "gguf":
        split_as_served(found, str(read_head(Path(base.path)).values.get("tokenizer.ggml.pre")))
    if not found.chat_template:
        raise InputError(
            "these weights come with no chat template, so no prompt can be written for them",
            where=base.path,
            valid="weights of an instruction-tuned model",
        )
    return found


# How texts are cut before they are tokenized, by its name in the GGUF: where transformers cuts
# otherwise than llama.cpp, which parts digits first, so that two spaces in "a  3" are one token.
DIGITS_FIRST = ("smollm", "starcoder", "refact", "command-r", "codeshell")


def split_as_served(tokenizer: Any, name: str) -> None:
    """Make a tokenizer that was read from a GGUF cut texts as llama.cpp does. Compared with the
    served tokens for smollm and qwen2, of which the latter needs nothing."""
    from tokenizers import pre_tokenizers

    if name in DIGITS_FIRST:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ])  # fmt: skip


def load_model(job: Job, dtype: Any) -> Any:
    """The frozen model with adapters on all its linear layers, those of job.start if given."""
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    folder, more = _where(job.base)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **more)
    except (MemoryError, InputError):
        raise
    except Exception as error:  # a broken file makes each reader raise errors of its own
        if known(error, job):
            raise
        raise _unreadable(job.base, error) from None
    if hasattr(model.config, "quantization_config"):
        # Read from a GGUF, the weights are no longer quantised, but their configuration says so.
        del model.config.quantization_config
    if job.start is None:
        alpha: Any = job.how.alpha  # declared a whole number by peft, and used as any
        return get_peft_model(model, LoraConfig(
            r=job.how.rank, lora_alpha=alpha, lora_dropout=job.how.dropout,
            target_modules="all-linear", task_type="CAUSAL_LM",
        ))  # fmt: skip
    try:
        return PeftModel.from_pretrained(model, str(job.start), is_trainable=True)
    except Exception as error:
        raise InputError(
            f"this adapter cannot be gone on from: {_first_line(error)}",
            where=str(job.start),
            valid=f"an adapter in peft's form, made for {job.base.name}",
        ) from None


def _unreadable(base: Base, error: Exception) -> InputError:
    valid = {
        "gguf": "a GGUF file of an architecture that transformers reads",
        "hf": "a folder in Hugging Face's form, or the name of a repository that can be reached",
    }
    return InputError(
        f"these weights cannot be read: {_first_line(error)}",
        where=base.path,
        valid=valid[base.kind],
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def choose_dtype(asked: str, device: Any) -> str:
    """`auto` is bfloat16 where the machine multiplies it clearly faster: a CPU without
    instructions for it is several times slower than in float32."""
    import torch

    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    best = {"float32": math.inf, "bfloat16": math.inf}
    for _ in range(5):  # in turn, and the best of them: what else runs here hits both alike
        for name in best:
            a = torch.ones(256, 1024, dtype=getattr(torch, name))
            b = torch.ones(1024, 1024, dtype=getattr(torch, name))
            started = time.perf_counter()
            a @ b
            best[name] = min(best[name], time.perf_counter() - started)
    return "bfloat16" if best["bfloat16"] * 1.3 < best["float32"] else "float32"


if __name__ == "__main__":
    sys.exit(main())
