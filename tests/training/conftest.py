"""A model small enough to train within seconds: a Llama of random weights, with a tokenizer of its
own and a chat template."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.core.training import Base, Sample, write_samples

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = ("red", "green", "blue", "one", "two", "three", "cat", "dog", "sun", "moon")


def colour_samples(count: int) -> list[Sample]:
    """Samples of several lengths whose reply follows from the prompt."""
    made = []
    for i in range(count):
        word, other = WORDS[i % len(WORDS)], WORDS[(i * 7 + 3) % len(WORDS)]
        asked = " ".join([word] * (1 + i % 5) + [other])
        messages = (
            {"role": "system", "content": "Say the last word."},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": f"{other} {word}"},
        )
        made.append(Sample(f"s{i}", f"g{i}", messages))
    return made


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """What the trainer's process sets for itself stays out of the tests that follow."""
    yield
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The weights of such a model, as a folder in Hugging Face's form."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("peft")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([" ".join(WORDS), "system user assistant Say the last word."], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(1)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(raw.get_vocab()), hidden_size=32, intermediate_size=48,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=256, tie_word_embeddings=True, eos_token_id=2, pad_token_id=0,
            initializer_range=0.3,  # of 0.02 nothing could be said with certainty
        )
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tiny")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Base(name="hf/tiny", kind="hf", path=str(folder))


@pytest.fixture(scope="session")
def samples_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty of its samples."""
    file = tmp_path_factory.mktemp("samples") / "train.jsonl"
    write_samples(file, colour_samples(40))
    return file
