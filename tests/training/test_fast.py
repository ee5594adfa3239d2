"""The fast way computes what peft and autograd compute, and is taken only where it is known to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from headway.training import fast  # noqa: E402
from headway.training.fast import fast_learner  # noqa: E402
from headway.training.lora_data import Encoded  # noqa: E402
from headway.training.lora_process import Plain  # noqa: E402

SIZES = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
    "initializer_range": 0.2,
}  # fmt: skip
Make = Callable[..., Any]


def llama(**more: Any) -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**SIZES, **more}))


def qwen(**more: Any) -> Any:
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**{**SIZES, **more}))


def adapted(made: Any, **more: Any) -> Any:
    """With adapters whose B is not zero, else A would have no gradient; norms and biases differ
    from one and zero."""
    settings = {"r": 3, "lora_alpha": 5, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.2)
    model = peft.get_peft_model(made, peft.LoraConfig(**{**settings, **more}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    return model


def samples(lengths: Sequence[int]) -> list[Encoded]:
    return [
        Encoded(str(n), tuple(torch.randint(97, (n,)).tolist()), max(1, n // 2)) for n in lengths
    ]


def gradients(model: Any, learner: Any, shown: Sequence[Encoded]) -> tuple[float, dict[str, Any]]:
    nats = learner.learn(shown, 7)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad}
    model.zero_grad()
    return nats, found


@pytest.mark.parametrize(
    ("make", "more"),
    [
        (llama, {}),
        (llama, {"tie_word_embeddings": True, "num_key_value_heads": 4}),
        (llama, {"attention_bias": True, "mlp_bias": True, "head_dim": 16}),
        (llama, {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}}),
        (qwen, {"num_key_value_heads": 1}),
    ],
    ids=["llama", "llama-tied", "llama-biases", "llama-rope", "qwen"],
)
@pytest.mark.parametrize("remember", [512, 0], ids=["kept", "anew"])
def test_gradients_equal_those_of_peft(
    make: Make, more: dict[str, Any], remember: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "REMEMBER", remember)  # attention weights kept or computed anew
    monkeypatch.setattr(fast, "LOGITS", 97 * 20)  # logits in several parts
    torch.manual_seed(3)
    model = adapted(make(**more))
    shown = samples([9, 30, 2, 17, 30])
    nats, wanted = gradients(model, Plain(model), shown)
    learner = fast_learner(model)
    assert learner is not None
    got_nats, got = gradients(model, learner, shown)
    assert got_nats == pytest.approx(nats, rel=1e-6)
    assert learner.nats(shown) == pytest.approx(nats, rel=1e-6)
    assert set(got) == set(wanted)
    for name, gradient in wanted.items():
        assert gradient.abs().max() > 1e-3, name
        assert torch.allclose(got[name], gradient, atol=1e-5, rtol=1e-4), name
    # Weights were joined, and the model's own pass still gives the same.
    assert Plain(model).nats(shown) == pytest.approx(nats, rel=1e-6)


def test_it_follows_the_adapters_as_they_change() -> None:
    torch.manual_seed(4)
    model = adapted(llama())
    learner = fast_learner(model)
    assert learner is not None
    shown = samples([12, 8])
    before = learner.nats(shown)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.mul_(2)
    after = learner.nats(shown)
    assert after == pytest.approx(Plain(model).nats(shown), rel=1e-6)
    assert after != pytest.approx(before, rel=1e-3)


def test_in_bfloat16_it_is_as_near_to_float32_as_peft_is() -> None:
    torch.manual_seed(5)
    model = adapted(llama())
    shown = samples([40, 33, 21, 40])
    _, exact = gradients(model, Plain(model), shown)
    model = model.to(torch.bfloat16)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    _, plain = gradients(model, Plain(model), shown)
    _, ours = gradients(model, fast_learner(model), shown)

    def away(found: dict[str, Any]) -> float:
        every = [(found[n] - exact[n]).norm() / exact[n].norm() for n in exact]
        return float(torch.stack(every).mean())

    assert away(ours) < 1.25 * away(plain)
    assert away(ours) < 0.1


def test_what_is_trained_beside_is_respected() -> None:
    """An adapter on some layers only."""
    torch.manual_seed(6)
    model = adapted(llama(), target_modules=["q_proj", "v_proj", "down_proj"])
    shown = samples([12, 8])
    _, wanted = gradients(model, Plain(model), shown)
    _, got = gradients(model, fast_learner(model), shown)
    for name, gradient in wanted.items():
        assert torch.allclose(got[name], gradient, atol=1e-5, rtol=1e-4), name


@pytest.mark.parametrize(
    ("make", "more"),
    [
        (llama, {"lora_dropout": 0.1}),
        (llama, {"use_dora": True}),
        (llama, {"modules_to_save": ["embed_tokens"]}),
        (llama, {"target_modules": ["q_proj", "lm_head"]}),
        (llama, {"bias": "lora_only", "lora_bias": True}),
    ],
    ids=["dropout", "dora", "embeddings", "head", "bias"],
)
def test_what_it_does_not_know_it_leaves_alone(make: Make, more: dict[str, Any]) -> None:
    assert fast_learner(adapted(make(), **more)) is None


def test_other_architectures_are_left_alone() -> None:
    assert fast_learner(adapted(llama(hidden_act="gelu"))) is None
    sliding = qwen(use_sliding_window=True, sliding_window=8, max_window_layers=1)
    assert fast_learner(adapted(sliding)) is None
    gemma = transformers.GemmaForCausalLM(transformers.GemmaConfig(**SIZES, head_dim=8))
    assert fast_learner(adapted(gemma)) is None
