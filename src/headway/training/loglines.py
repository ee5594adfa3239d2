"""Losses in the lines that training programs print, whatever program it is.

    {'loss': 1.23, 'learning_rate': 1e-05, 'epoch': 0.5}     transformers' Trainer and what uses it
    {"step": 10, "loss": 1.23}                               JSON lines
    step 10/100 | loss: 1.23 | lr=1e-5                       by hand
     12%|#2    | 12/100 [00:10<01:15, 1.2it/s, loss=1.23]    tqdm, drawn anew by carriage returns

A line is data: nothing in it is evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 4_000  # characters of a line that are looked at: no program prints its loss after more

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf(?:inity)?"
_IS = r"['\"]?\s{0,8}(?:[:=]|is\b)\s{0,8}['\"]?"
_LOSS = re.compile(
    rf"(?:\b([a-z]+)[ _/.-])?(?<![a-z])loss(?:{_IS}({_NUMBER})|\s({_NUMBER}))(?![\w%])",
    re.IGNORECASE,
)
_STEP = re.compile(
    r"\b(?:global_?)?(?:step|iter(?:ation)?)s?['\"]?\s{0,8}[:=]?\s{0,8}['\"]?(\d{1,12})"
    r"(?:\s?/\s?(\d{1,12}))?(?![\w.%])",
    re.IGNORECASE,
)
_BAR = re.compile(r"\|\s{0,8}(\d{1,12})/(\d{1,12}) \[")
_EPOCH = re.compile(rf"\bepoch['\"]?\s{{0,8}}[:=]?\s{{0,8}}['\"]?({_NUMBER})", re.IGNORECASE)
_RATE = re.compile(rf"\b(?:learning_rate|lr){_IS}({_NUMBER})", re.IGNORECASE)
_TOKENS = re.compile(rf"\bnum_(?:input_)?tokens(?:_seen)?{_IS}(\d{{1,15}})", re.IGNORECASE)
_HELD = frozenset({"eval", "evaluation", "val", "valid", "validation", "test", "dev", "held"})
# Losses beside the one that is trained on, and the word before one that is no loss of a model's.
_OTHER = frozenset({"aux", "auxiliary", "router", "kl", "reg", "balance", "balancing", "packet"})


@dataclass(frozen=True)
class Seen:
    """What a line tells; None where it does not say. loss, held_loss: nats a token, as printed;
    nan where that is what was printed. epoch: may be a fraction. tokens: seen so far."""

    loss: float | None = None
    held_loss: float | None = None
    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    rate: float | None = None
    tokens: int | None = None


def read_line(line: str) -> Seen | None:
    """What a line tells of the training; None where it names neither loss nor step."""
    line = line[:LONGEST]
    if "train_runtime" in line:  # Trainer's last line: averages over all, no step
        return None
    loss, held = _losses(line)
    step, steps = _steps(line)
    if loss is None and held is None and step is None:
        return None
    return Seen(
        loss, held, step, steps,
        _first(_EPOCH, line), _first(_RATE, line), _whole(_TOKENS, line),
    )  # fmt: skip


def _losses(line: str) -> tuple[float | None, float | None]:
    """Training loss and held-out loss; of several the first."""
    found: dict[bool, float] = {}
    for match in _LOSS.finditer(line):
        before, said, bare = (match[1] or "").lower(), match[2], match[3]
        if before in _OTHER or (bare and "." not in bare):  # "loss 3" may be anything
            continue
        found.setdefault(before in _HELD, float(said or bare))
    return found.get(False), found.get(True)


def _steps(line: str) -> tuple[int | None, int | None]:
    match = _STEP.search(line) or _BAR.search(line)
    if match is None:
        return None, None
    return int(match[1]), int(match[2]) if match[2] else None


def _first(pattern: re.Pattern[str], line: str) -> float | None:
    match = pattern.search(line)
    return float(match[1]) if match else None


def _whole(pattern: re.Pattern[str], line: str) -> int | None:
    match = pattern.search(line)
    return int(match[1]) if match else None


# A carriage return at the very end may still be the first half of a line's end.
_END = re.compile(rb"\r?\n|\r(?=[^\n])")


class Lines:
    """Lines out of pieces of bytes. A carriage return ends one too, as a progress bar draws it
    anew: such lines are told apart, as they are no lasting part of a log."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, piece: bytes) -> list[tuple[str, bool]]:
        """Lines that are complete now, each with whether it lasts."""
        found, at = [], 0
        data = self._left + piece
        for match in _END.finditer(data):
            found.append((_text(data[at : match.start()]), match[0] != b"\r"))
            at = match.end()
        self._left = data[at:]
        if len(self._left) > 16 * LONGEST:  # so that no output can fill the memory
            found.append((_text(self._left), True))
            self._left = b""
        return found

    def rest(self) -> list[tuple[str, bool]]:
        """What stands after the last line's end, when no more comes."""
        left, self._left = self._left.rstrip(b"\r"), b""
        return [(_text(left), True)] if left else []


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace")
