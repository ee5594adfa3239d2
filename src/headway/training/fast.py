"""The loss and its gradients for models of the Llama family, written out by hand for CPUs.

Same mathematics as the model's own forward pass under peft and autograd (the tests compare all
gradients); the time goes into matrix products instead of what stands between them:

- Frozen weights get no gradient and LoRA's products join those of their neighbours: q, k, v are
  one product, gate and up another, and so are their A.
- Attention is plain batched products over the heads that share a key (no product with copies of
  keys), with a bfloat16 softmax. torch's fused kernel for CPUs spends most of its time in its
  backward pass, more than all linear layers of a small model together.
- Logits only where a reply is written; their gradient takes the place of the logits.
- Samples of a part are padded to the longest. Padding is at the end, so with causal attention no
  sample ever sees it, and no loss is taken on it.

Letters: T tokens of a part (padding counted), D width of the model, R sum of ranks, L longest
sample, H heads, G heads that share a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from headway.training.lora_data import Encoded

FAMILIES = ("llama", "qwen2")
LOGITS = 2**26  # entries of logits that are held at once
ROWS = 16  # rows of logits that are turned into gradients at once: these stay in the cache
REMEMBER = 512  # tokens of a sample up to which attention weights are kept for the backward pass


@dataclass
class _Adapter:
    """LoRA of one linear layer. rows: of the joined layer's output that are this layer's."""

    a: nn.Parameter
    b: nn.Parameter
    scale: float
    rows: slice


@dataclass
class _Linear:
    """Frozen linear layers of one input, joined: y = x W^T + bias + s (x A^T) B^T."""

    weight: Tensor
    bias: Tensor | None
    adapters: list[_Adapter]
    a: Tensor = field(init=False)
    b: Tensor = field(init=False)

    @classmethod
    def joined(cls, modules: Sequence[Any]) -> _Linear:
        """The modules' weights become views of the joined one: nothing is held twice."""
        bases = [getattr(m, "base_layer", m) for m in modules]
        weight = torch.cat([b.weight.data for b in bases])
        biases = [b.bias for b in bases]
        bias = torch.cat([b.data for b in biases]) if biases[0] is not None else None
        adapters, start = [], 0
        for module, base in zip(modules, bases, strict=True):
            rows = slice(start, start + base.out_features)
            base.weight.data = weight[rows]
            start = rows.stop
            if module is not base:
                a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
                adapters.append(_Adapter(a, b, module.scaling["default"], rows))
        return cls(weight, bias, adapters)

    def refresh(self) -> None:
        """Take over the adapters as they are now, in the weights' precision."""
        if not self.adapters:
            return
        self.a = torch.cat([x.a.data for x in self.adapters]).to(self.weight.dtype)
        self.b = self.weight.new_zeros(len(self.weight), len(self.a))
        start = 0
        for x in self.adapters:
            rank = len(x.a)
            self.b[x.rows, start : start + rank] = x.b.data * x.scale
            start += rank

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """x (T, in) to y (T, out), and x A^T (T, R), which backward() needs."""
        y = nn.functional.linear(x, self.weight, self.bias)
        if not self.adapters:
            return y, None
        h = x @ self.a.T
        return y.addmm_(h, self.b.T), h

    def backward(self, dy: Tensor, x: Tensor, h: Tensor | None, want: bool = True) -> Tensor | None:
        """Add to the adapters' gradients; the gradient of x, if it is wanted."""
        if h is None:
            return dy @ self.weight if want else None
        dh = dy @ self.b
        da, db = (dh.T @ x).float(), (dy.T @ h).float()
        start = 0
        for adapter in self.adapters:
            stop = start + len(adapter.a)
            _add(adapter.a, da[start:stop])
            _add(adapter.b, db[adapter.rows, start:stop] * adapter.scale)
            start = stop
        return (dy @ self.weight).addmm_(dh, self.a) if want else None


def _add(parameter: nn.Parameter, gradient: Tensor) -> None:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    parameter.grad += gradient


def _norm_backward(dy: Tensor, x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Of y = weight * x / rms(x), in float32."""
    scaled, x = (dy * weight).float(), x.float()
    r = torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
    along = (scaled * x).mean(-1, keepdim=True) * r**3
    return scaled.mul_(r).addcmul_(x, along, value=-1).to(dy.dtype)


def _rotate(into: Tensor, x: Tensor, cos: Tensor, sin: Tensor, sign: int = 1) -> None:
    """Rotary position embedding (Su et al., 2021) of the last dimension, by halves; sign -1 turns
    back. cos, sin: (L, 1, half)."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    torch.mul(a, cos, out=into[..., :half])
    into[..., :half].addcmul_(b, sin, value=-sign)
    torch.mul(b, cos, out=into[..., half:])
    into[..., half:].addcmul_(a, sin, value=sign)


@dataclass(frozen=True)
class _Shape:
    """What attention needs to know of a part."""

    samples: int
    length: int
    cos: Tensor
    sin: Tensor
    mask: Tensor  # (G L, L): 0 where a token sees another, else minus infinity


class _Layer:
    """One decoder layer."""

    def __init__(self, layer: Any, heads: int, keys: int) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.heads, self.keys, self.width = heads, keys, attention.head_dim
        self.scale = attention.scaling
        self.qkv = _Linear.joined([attention.q_proj, attention.k_proj, attention.v_proj])
        self.out = _Linear.joined([attention.o_proj])
        self.gate_up = _Linear.joined([mlp.gate_proj, mlp.up_proj])
        self.down = _Linear.joined([mlp.down_proj])
        self.linears = (self.qkv, self.out, self.gate_up, self.down)
        self.norms = (layer.input_layernorm, layer.post_attention_layernorm)

    def _normed(self, x: Tensor, which: int) -> Tensor:
        norm = self.norms[which]
        return nn.functional.rms_norm(x, x.shape[-1:], norm.weight, norm.variance_epsilon)

    def _norm_back(self, dy: Tensor, x: Tensor, which: int) -> Tensor:
        norm = self.norms[which]
        return _norm_backward(dy, x, norm.weight, norm.variance_epsilon)

    def forward(self, x: Tensor, shape: _Shape) -> tuple[Tensor, tuple[Any, ...]]:
        """x (T, D) to the layer's output, and what backward() needs."""
        n1 = self._normed(x, 0)
        qkv, h1 = self.qkv.forward(n1)
        q, k, v = self._split(qkv, shape)
        p = self._weights(q, k, shape)
        o = self._merged(p @ v, shape)
        y, h2 = self.out.forward(o)
        y += x
        n2 = self._normed(y, 1)
        gu, h3 = self.gate_up.forward(n2)
        gate, up = gu.chunk(2, -1)
        m = nn.functional.silu(gate) * up
        z, h4 = self.down.forward(m)
        z += y
        kept_p = p if shape.length <= REMEMBER else None
        return z, (x, n1, h1, q, k, v, kept_p, o, h2, y, n2, h3, gu, m, h4)

    def backward(
        self, dz: Tensor, kept: tuple[Any, ...], shape: _Shape, first: bool
    ) -> Tensor | None:
        """The gradient of the layer's input; None for the first layer, where nobody needs it."""
        x, n1, h1, q, k, v, p, o, h2, y, n2, h3, gu, m, h4 = kept
        dm = self.down.backward(dz, m, h4)
        assert dm is not None
        gate, up = gu.chunk(2, -1)
        dgu = torch.empty_like(gu)
        torch.mul(dm, nn.functional.silu(gate), out=dgu[:, gate.shape[1] :])
        dgu[:, : gate.shape[1]] = torch.ops.aten.silu_backward(dm.mul_(up), gate)
        dn2 = self.gate_up.backward(dgu, n2, h3)
        assert dn2 is not None
        dy = self._norm_back(dn2, y, 1).add_(dz)
        do = self.out.backward(dy, o, h2)
        assert do is not None
        dqkv = self._attention_back(do, q, k, v, p, shape)
        dn1 = self.qkv.backward(dqkv, n1, h1, want=not first)
        return None if dn1 is None else self._norm_back(dn1, x, 0).add_(dy)

    def _split(self, qkv: Tensor, shape: _Shape) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated q (samples * keys, G L, width), k, v (samples * keys, L, width)."""
        b, length, heads, keys = shape.samples, shape.length, self.heads, self.keys
        every = qkv.view(b, length, heads + 2 * keys, self.width)
        turned = qkv.new_empty(b, heads, length, self.width)
        _rotate(turned.transpose(1, 2), every[:, :, :heads], shape.cos, shape.sin)
        k = qkv.new_empty(b, keys, length, self.width)
        _rotate(k.transpose(1, 2), every[:, :, heads : heads + keys], shape.cos, shape.sin)
        v = every[:, :, heads + keys :].transpose(1, 2).contiguous()
        one = (b * keys, -1, self.width)
        return turned.view(one), k.view(one), v.view(one)

    def _weights(self, q: Tensor, k: Tensor, shape: _Shape) -> Tensor:
        scores = torch.baddbmm(shape.mask, q, k.transpose(1, 2), alpha=self.scale)
        return torch.softmax(scores, -1)

    def _merged(self, o: Tensor, shape: _Shape) -> Tensor:
        """From heads first to tokens first: (T, H width)."""
        o = o.view(shape.samples, self.heads, shape.length, self.width)
        return o.transpose(1, 2).reshape(shape.samples * shape.length, -1)

    def _attention_back(
        self, do: Tensor, q: Tensor, k: Tensor, v: Tensor, p: Tensor | None, shape: _Shape
    ) -> Tensor:
        """The gradient of the joined q, k, v, (T, (H + 2 keys) width)."""
        b, length, heads, keys = shape.samples, shape.length, self.heads, self.keys
        do = do.view(b, length, heads, self.width).transpose(1, 2).reshape(q.shape)
        p = self._weights(q, k, shape) if p is None else p
        dv = p.transpose(1, 2) @ do
        ds = torch._softmax_backward_data(do @ v.transpose(1, 2), p, -1, p.dtype)
        dq, dk = (ds @ k).mul_(self.scale), (ds.transpose(1, 2) @ q).mul_(self.scale)
        made = do.new_empty(b, length, heads + 2 * keys, self.width)
        dq, dk, dv = (d.view(b, -1, length, self.width).transpose(1, 2) for d in (dq, dk, dv))
        _rotate(made[:, :, :heads], dq, shape.cos, shape.sin, -1)
        _rotate(made[:, :, heads : heads + keys], dk, shape.cos, shape.sin, -1)
        made[:, :, heads + keys :] = dv
        return made.view(b * length, -1)


class Fast:
    """Loss and gradients of a peft model; made by fast_learner()."""

    def __init__(self, model: Any) -> None:
        causal = model.get_base_model()
        config, self.inner, self.head = causal.config, causal.model, causal.lm_head.weight
        self.heads, self.keys = config.num_attention_heads, config.num_key_value_heads
        self.layers = [_Layer(each, self.heads, self.keys) for each in self.inner.layers]

    def learn(self, samples: Sequence[Encoded], written: int) -> float:
        """Add the gradient of nats / `written` to the adapters'; returns nats, the sum over the
        reply tokens of -log p."""
        with torch.no_grad():
            return self._learn(samples, written)

    def nats(self, samples: Sequence[Encoded]) -> float:
        """The sum over the reply tokens of -log p."""
        with torch.no_grad():
            return self._nats(samples)

    def _learn(self, samples: Sequence[Encoded], written: int) -> float:
        ids, at, wanted = _laid_out(samples)
        shape = self._begin(ids)
        x = self.inner.embed_tokens(ids).view(ids.numel(), -1)
        kept = []
        for layer in self.layers:
            x, held = layer.forward(x, shape)
            kept.append(held)
        last = x[at]
        nats, d_last = self._loss(last, wanted, 1 / written)
        dx: Tensor | None = torch.zeros_like(x).index_copy_(0, at, d_last)
        for number in reversed(range(len(self.layers))):
            assert dx is not None
            dx = self.layers[number].backward(dx, kept.pop(), shape, first=number == 0)
        return nats

    def _nats(self, samples: Sequence[Encoded]) -> float:
        ids, at, wanted = _laid_out(samples)
        shape = self._begin(ids)
        x = self.inner.embed_tokens(ids).view(ids.numel(), -1)
        for layer in self.layers:
            x, _ = layer.forward(x, shape)
        return self._loss(x[at], wanted, None)[0]

    def _begin(self, ids: Tensor) -> _Shape:
        """Take over the adapters, and what is the same in all layers."""
        for layer in self.layers:
            for linear in layer.linears:
                linear.refresh()
        samples, length = ids.shape
        weight = self.inner.embed_tokens.weight
        cos, sin = self.inner.rotary_emb(weight, torch.arange(length)[None])
        half = cos.shape[-1] // 2  # both halves of the tables are the same
        mask = torch.full((length, length), float("-inf"), dtype=weight.dtype).triu_(1)
        mask = mask.repeat(self.heads // self.keys, 1)
        return _Shape(samples, length, cos[0, :, None, :half], sin[0, :, None, :half], mask)

    def _loss(self, x: Tensor, wanted: Tensor, weight: float | None) -> tuple[float, Tensor]:
        """nats of the final states x (n, D), and the gradient of nats * weight (of nothing, where
        it is None)."""
        norm = self.inner.norm
        n = nn.functional.rms_norm(x, x.shape[-1:], norm.weight, norm.variance_epsilon)
        dn, nats = torch.empty_like(n), 0.0
        most = max(ROWS, LOGITS // len(self.head))
        for start in range(0, len(n), most):
            here = slice(start, start + most)
            logits = n[here] @ self.head.T
            nats += _cross_entropy(logits, wanted[here], weight)
            if weight is not None:
                dn[here] = logits @ self.head
        return nats, _norm_backward(dn, x, norm.weight, norm.variance_epsilon)


def _cross_entropy(logits: Tensor, wanted: Tensor, weight: float | None) -> float:
    """The sum of -log softmax at `wanted`, in float32; with a weight, the logits are replaced by
    the gradient of this sum times it."""
    nats = 0.0
    for start in range(0, len(logits), ROWS):
        rows, ids = logits[start : start + ROWS], wanted[start : start + ROWS]
        logs = torch.log_softmax(rows, -1, dtype=torch.float32)
        nats -= float(logs.gather(1, ids[:, None]).sum())
        if weight is not None:
            p = logs.exp_()
            p[torch.arange(len(ids)), ids] -= 1
            rows.copy_(p.mul_(weight))
    return nats


def _laid_out(samples: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """ids (samples, longest), padded at the end; where, in the flattened ids, a reply token is
    predicted; and those tokens."""
    longest = max(len(s.ids) for s in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    at: list[int] = []
    wanted: list[int] = []
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        start = row * longest
        at += range(start + sample.shown - 1, start + len(sample.ids) - 1)
        wanted += sample.ids[sample.shown :]
    return ids, torch.tensor(at), torch.tensor(wanted)


def fast_learner(model: Any) -> Fast | None:
    """The fast way for a peft model, or None where it is not known to be the same: another
    architecture or device, dropout, anything trained beside LoRA of linear layers."""
    causal = model.get_base_model()
    config = causal.config
    known = (
        config.model_type in FAMILIES
        and type(causal).__name__ in ("LlamaForCausalLM", "Qwen2ForCausalLM")
        and config.hidden_act == "silu"
        and not config.attention_dropout
        and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and type(causal.lm_head) is nn.Linear
        and causal.lm_head.bias is None
        and all(p.device.type == "cpu" for p in model.parameters())
    )
    if not known or not all(_plain_lora(m) for m in causal.modules() if hasattr(m, "lora_A")):
        return None
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    if not all(".lora_A.default." in n or ".lora_B.default." in n for n in trained):
        return None
    return Fast(model)


def _plain_lora(module: Any) -> bool:
    """Whether a module is a linear layer with one adapter of the usual kind, without dropout."""
    from peft.tuners.lora.layer import Linear

    return (
        type(module) is Linear
        and type(module.base_layer) is nn.Linear
        and list(module.lora_A) == ["default"]
        and not module.lora_variant
        and not module.merged
        and type(module.lora_dropout["default"]) is nn.Identity
        and module.lora_B["default"].bias is None
    )
