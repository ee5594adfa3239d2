"""Losses in the lines of training programs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.training.loglines import LONGEST, Lines, Seen, read_line


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("{'loss': 1.23, 'grad_norm': 0.5, 'learning_rate': 1e-05, 'epoch': 0.5}",
         Seen(loss=1.23, rate=1e-5, epoch=0.5)),
        ("{'loss': '1.23', 'grad_norm': '0.5', 'learning_rate': '1e-05', 'epoch': '0.5'}",
         Seen(loss=1.23, rate=1e-5, epoch=0.5)),
        ("{'eval_loss': 0.98, 'eval_runtime': 1.2, 'epoch': 1.0}", Seen(held_loss=0.98, epoch=1.0)),
        ('{"step": 10, "loss": 1.5e-2, "lr": 0.001}', Seen(loss=0.015, step=10, rate=0.001)),
        ('{"train/loss": 0.7, "train/global_step": 40}', Seen(loss=0.7, step=40)),
        ("{'loss': 0.4, 'num_input_tokens_seen': 9000}", Seen(loss=0.4, tokens=9000)),
        ("step 10/100 | loss: 1.23 | lr=1e-5", Seen(loss=1.23, step=10, steps=100, rate=1e-5)),
        ("Epoch 2, Step: 7, Training Loss: 0.5, Validation Loss: 0.75",
         Seen(loss=0.5, held_loss=0.75, step=7, epoch=2.0)),
        ("[INFO] loss=2", Seen(loss=2.0)),
        ("val_loss=.5", Seen(held_loss=0.5)),
        ("iter 5 loss 3.25 time 1.2s", Seen(loss=3.25, step=5)),
        (" 12%|#2    | 12/100 [00:10<01:15,  1.17it/s, loss=1.23]",
         Seen(loss=1.23, step=12, steps=100)),
        (" 12%|#2    | 12/100 [00:10<01:15,  1.17it/s]", Seen(step=12, steps=100)),
        ("{'train_runtime': 9.1, 'train_samples_per_second': 3.0, 'train_loss': 1.0}", None),
        ("Loading weights: 12 of 30", None),
        ("loss of generality", None),
        ("packet loss: 3%", None),
        ("aux_loss: 0.3", None),
        ("loss_scale: 65536.0", None),
        ("glossy: 1.0", None),
        ("", None),
    ],
)  # fmt: skip
def test_common_forms(line: str, wanted: Seen | None) -> None:
    assert read_line(line) == wanted


def test_a_loss_that_diverges_is_seen() -> None:
    for text in ("nan", "NaN", "inf"):
        seen = read_line(f"{{'loss': {text}, 'epoch': 1.0}}")
        assert seen is not None
        assert seen.loss is not None
        assert not math.isfinite(seen.loss)


@given(
    loss=st.floats(min_value=0, max_value=1e6),
    step=st.integers(0, 10**9),
    form=st.sampled_from([
        "{{'loss': {loss}, 'step': {step}}}", '{{"step": {step}, "loss": {loss}}}',
        "step {step} loss: {loss}", "step={step} loss={loss}", "loss = {loss} at step {step}",
        "|## | {step}/9999999999 [00:01<00:02, loss={loss}]",
    ]),
)  # fmt: skip
def test_what_is_printed_is_read(loss: float, step: int, form: str) -> None:
    seen = read_line(form.format(loss=loss, step=step))
    assert seen is not None
    assert seen.loss == loss
    assert seen.step == step


@given(st.text(max_size=300))
def test_any_text_is_a_line(line: str) -> None:
    seen = read_line(line)
    assert seen is None or isinstance(seen, Seen)
    read_line(f"loss: {line}")
    read_line(f"{{'loss': {line}")


@given(st.lists(st.binary(max_size=12), max_size=30))
def test_pieces_do_not_matter(pieces: list[bytes]) -> None:
    """Nothing is lost, and where the bytes were cut makes no difference."""
    whole, some = Lines(), Lines()
    data = b"".join(pieces)
    at_once = [*whole.feed(data), *whole.rest()]
    bit_by_bit = [line for piece in pieces for line in some.feed(piece)] + some.rest()
    assert bit_by_bit == at_once
    text = data.decode("utf-8", "replace")
    assert "".join(line for line, _ in at_once) == text.replace("\r", "").replace("\n", "")


def test_bars_are_told_apart() -> None:
    lines = Lines()
    found = lines.feed(b"one\r\ntwo\rthree\rfour\n") + lines.feed(b"five") + lines.rest()
    assert found == [("one", True), ("two", False), ("three", False), ("four", True),
                     ("five", True)]  # fmt: skip


def test_output_without_an_end_fills_no_memory() -> None:
    lines = Lines()
    found = [line for _ in range(100) for line in lines.feed(b"x" * 10_000)]
    assert len(found) > 1
    assert max(len(text) for text, _ in found) <= 16 * LONGEST + 10_000
