"""A chat model of random weights, small enough to train within seconds, in Hugging Face's form."""

from __future__ import annotations

from pathlib import Path

from headway.core.training import Base

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = ("red", "green", "blue", "one", "two", "three", "cat", "dog", "sun", "moon")


def tiny_model(folder: Path, words: tuple[str, ...] = WORDS) -> Base:
    """Write it into `folder`: a Llama with a tokenizer of its own, in which `words` are frequent,
    and a chat template. Needs torch, transformers and tokenizers."""
    import torch
    import transformers
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
    raw.train_from_iterator([" ".join(words), "system user assistant Say the last word."], trainer)
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
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Base(name="hf/tiny", kind="hf", path=str(folder))
