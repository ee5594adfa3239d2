"""Replies of the weights that are being trained, greedy or sampled, by transformers: what is seen
of an epoch before any server has loaded it.

Prompts are written and cut into tokens as those of the samples are (lora_data.encode), so a model
is asked in the very form that it learns. Several are computed at once, padded on the left.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from headway.training.lora_data import ends_of, prompt_ids

AT_ONCE = 16  # prompts
TOKENS = 16_384  # of the prompts computed at once, padding and replies included


class Replies:
    """Replies of one model with its adapter. What it computes leaves a training as it was, and so
    does what it cannot compute."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer

    def __call__(
        self, asked: Sequence[Mapping[str, Any]], plain: bool = False
    ) -> list[dict[str, Any]]:
        """One reply each, in order: text, finish, prompt_tokens, completion_tokens, latency_s.
        asked: messages, max_tokens, temperature, seed. plain: without the adapter. Raises
        InputError for messages that the chat template cannot write."""
        import torch

        prompts = [prompt_ids(self.tokenizer, one["messages"]) for one in asked]
        found: dict[int, dict[str, Any]] = {}
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        was_training = self.model.training
        bare = self.model.disable_adapter() if plain else contextlib.nullcontext()
        try:
            self.model.eval()
            with torch.random.fork_rng(devices), torch.no_grad(), bare:
                for batch in batches_of(asked, [len(p) for p in prompts]):
                    found |= zip(
                        batch, self._batch([asked[i] for i in batch], [prompts[i] for i in batch]),
                        strict=True,
                    )  # fmt: skip
        finally:
            self.model.train(was_training)
        return [found[i] for i in range(len(asked))]

    def _batch(
        self, asked: Sequence[Mapping[str, Any]], prompts: Sequence[list[int]]
    ) -> list[dict[str, Any]]:
        import torch

        started = time.perf_counter()
        device = next(self.model.parameters()).device
        longest = max(len(p) for p in prompts)
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        temperature = float(asked[0]["temperature"])
        if temperature:
            torch.manual_seed(int(asked[0]["seed"] or 0))
        ends = ends_of(self.tokenizer, self.model.generation_config)
        how = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        made = self.model.generate(
            input_ids=ids.to(device), attention_mask=mask.to(device),
            max_new_tokens=int(asked[0]["max_tokens"]), eos_token_id=sorted(ends),
            pad_token_id=min(ends), use_cache=True,
            **(how if temperature else {"do_sample": False}),
        )  # fmt: skip
        each = (time.perf_counter() - started) / len(prompts)
        rows = made[:, longest:].tolist()
        return [
            self._reply(row, prompt, ends, each) for row, prompt in zip(rows, prompts, strict=True)
        ]

    def _reply(
        self, row: list[int], prompt: Sequence[int], ends: set[int], seconds: float
    ) -> dict[str, Any]:
        at = next((i for i, token in enumerate(row) if token in ends), None)
        written = row if at is None else row[:at]
        return {
            "text": self.tokenizer.decode(written, skip_special_tokens=True).strip(),
            "finish": "length" if at is None else "stop",
            "prompt_tokens": len(prompt),
            "completion_tokens": len(written) + (at is not None),
            "latency_s": seconds,
        }


def batches_of(asked: Sequence[Mapping[str, Any]], lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of the requests, those together that are asked for alike and fit: the longest first,
    so that a batch that does not fit in memory is seen at once. What is sampled stands alone, since
    a seed is its own."""
    order = sorted(range(len(asked)), key=lambda i: (-asked[i]["max_tokens"], -lengths[i]))
    found: list[list[int]] = []
    for i in order:
        last = found[-1] if found else []
        alike = (
            last
            and not asked[i]["temperature"]
            and all(
                asked[last[0]][name] == asked[i][name] for name in ("max_tokens", "temperature")
            )
        )
        room = max((lengths[j] for j in (*last, i)), default=0) + asked[i]["max_tokens"]
        if alike and len(last) < AT_ONCE and room * (len(last) + 1) <= TOKENS:
            last.append(i)
        else:
            found.append([i])
    return found
