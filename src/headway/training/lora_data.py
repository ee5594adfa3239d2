"""From samples to tokens, and from tokens to batches in an order that can be gone on with.

- Tokens are those that the served model sees: its tokenizer's own chat template, with text that
  looks like a control token parted (`core.control`), as `models.embedded` does it.
- Loss is taken on the reply and the token that ends it. A template may write more behind that
  token (a newline); the served model never writes it, so it is left out.
- The order of an epoch depends on the seed and the epoch's number alone. Batches hold samples of
  like length, which saves padding; in which order lengths come is left to chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headway.core.control import only_text
from headway.core.errors import InputError
from headway.core.training import Sample

WINDOW = 16  # batches whose samples are sorted by length together


@dataclass(frozen=True)
class Encoded:
    """ids: tokens of a whole sample. shown: how many of them, from the first, are the prompt."""

    id: str
    ids: tuple[int, ...]
    shown: int

    @property
    def written(self) -> int:
        """Tokens on which loss is taken."""
        return len(self.ids) - self.shown


def encode(tokenizer: Any, sample: Sample) -> Encoded:
    """Tokens of one sample by a transformers tokenizer. Raises InputError where its template
    cannot write these messages, or writes a reply otherwise than it asks for one."""
    messages = [_plain(message, tokenizer) for message in sample.messages]
    tools = [dict(tool) for tool in sample.tools] or None
    try:
        asked = tokenizer.apply_chat_template(
            messages[:-1], tools=tools, tokenize=False, add_generation_prompt=True
        )
        whole = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
    except Exception as error:  # a template is a program of the model's makers: it may raise all
        raise InputError(
            f"the model's chat template cannot write this sample: {error}",
            where=f"sample {sample.id}",
            valid="messages in roles and an order that the model was made for",
        ) from None
    if not whole.startswith(asked):
        raise InputError(
            "the model's chat template writes a reply otherwise than it asks for one, so what"
            " would be learnt is not what is served",
            where=f"sample {sample.id}",
            valid="a template whose prompt is the beginning of the conversation with its reply",
        )
    shown, ids = _ids(tokenizer, asked), _ids(tokenizer, whole)
    if ids[: len(shown)] != shown:
        # The last token of the prompt would take in the reply's first letter. The served model
        # gets the prompt's tokens alone and goes on from there.
        ids = shown + _ids(tokenizer, whole[len(asked) :])
    return Encoded(sample.id, tuple(_ended(tokenizer, ids, len(shown))), len(shown))


def prompt_ids(tokenizer: Any, messages: Sequence[Mapping[str, Any]]) -> list[int]:
    """Tokens of a prompt, as those of a sample that begins with these messages. Raises InputError
    where the template cannot write them."""
    said = [_plain(message, tokenizer) for message in messages]
    try:
        asked = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # a template is a program of the model's makers: it may raise all
        raise InputError(
            f"the model's chat template cannot write this prompt: {error}",
            valid="messages in roles and an order that the model was made for",
        ) from None
    return _ids(tokenizer, asked)


def ends_of(tokenizer: Any, generation: Any) -> set[int]:
    """Tokens that end a reply: those that the model's own settings name, and that which ends the
    replies of samples."""
    named = generation.eos_token_id
    found = set(named if isinstance(named, list) else [] if named is None else [named])
    sample = Sample(
        "", "", ({"role": "user", "content": "a"}, {"role": "assistant", "content": "a"})
    )
    last = encode(tokenizer, sample).ids[-1]
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return found | ({last} & (special | set(tokenizer.all_special_ids)))


def _plain(message: Mapping[str, Any], tokenizer: Any) -> dict[str, Any]:
    """A message as a template takes it: text that is only text, and calls as JSON where the
    template knows none."""
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": only_text(content)}
    if content is None and "tool_calls" not in (tokenizer.chat_template or ""):
        reply = Sample("", "", (message,)).reply
        return {**message, "content": only_text(reply)}
    return {**message, "content": content or ""}


def _ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def _ended(tokenizer: Any, ids: list[int], shown: int) -> list[int]:
    """`ids` up to and with the token that ends the reply; the end of text where there is none."""
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    special |= set(tokenizer.all_special_ids)
    for at in range(len(ids) - 1, shown, -1):
        if ids[at] in special:
            return ids[: at + 1]
    return ids if tokenizer.eos_token_id is None else [*ids, tokenizer.eos_token_id]


def batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Positions of all samples, once each, in batches of `size`; the last drawn may be smaller."""
    draw = np.random.default_rng([seed % 2**64, epoch])
    order = draw.permutation(len(lengths))
    found: list[list[int]] = []
    for start in range(0, len(order), WINDOW * size):
        window = sorted(order[start : start + WINDOW * size], key=lambda at: lengths[at])
        found += [[int(i) for i in window[at : at + size]] for at in range(0, len(window), size)]
    return [found[at] for at in draw.permutation(len(found))]


def parts(samples: Sequence[Encoded], tokens: int) -> list[list[Encoded]]:
    """A batch cut into parts of at most `tokens` tokens, each of at least one sample: they are
    computed one after another, so that memory does not grow with the batch."""
    found: list[list[Encoded]] = []
    held = 0
    for sample in samples:
        if not found or held + len(sample.ids) > tokens:
            found.append([])
            held = 0
        found[-1].append(sample)
        held += len(sample.ids)
    return found
