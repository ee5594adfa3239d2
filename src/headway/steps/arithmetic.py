"""Arithmetic that a model wrote: numbers and operators, nothing else, and bounded."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any

LONGEST = 200  # characters of an expression
LARGEST = 1e30  # of any number on the way

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats, so that it fails at once where it would grow without end
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "ceil": math.ceil, "floor": math.floor, "max": max, "min": min, "round": round,
    "sqrt": math.sqrt,
}  # fmt: skip
# As people write it: 1,200 × 15%  3^2  $5
_WRITTEN = (
    (re.compile(r"(?<=\d)[,_](?=\d{3}(?!\d))"), ""),
    (re.compile(r"(?<=[\d)])\s*%(?!\s*[\d(])"), "/100"),
    (re.compile("[×·∙]|(?<=[\\d)])\\s*x\\s*(?=[\\d(.])"), "*"),
    (re.compile("[÷]"), "/"),
    (re.compile("[−–]"), "-"),
    (re.compile(r"\^"), "**"),
    (re.compile("[$€£]"), ""),
    (re.compile(r"(?<==)[^=<>]*$"), ""),
    (re.compile(r"=$"), ""),
    (re.compile(r"\bof\b"), "*"),
)


def calculate(text: str) -> str:
    """The value of an expression, as a text of at most 12 figures. Knows + - * / // % ** and
    brackets, abs, ceil, floor, max, min, round, sqrt. Raises ValueError, saying why."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    for pattern, plain in _WRITTEN:
        text = pattern.sub(plain, text)
    try:
        value = _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, TypeError):
        raise ValueError("not an arithmetic expression") from None
    except ZeroDivisionError:
        raise ValueError("division by zero") from None
    except OverflowError:
        raise ValueError("too large") from None
    whole = isinstance(value, int) or value.is_integer()
    return str(int(value)) if whole and abs(value) < 1e15 else f"{value:.12g}"


def _value(node: ast.expr) -> float:
    value: Any = None
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        value = _BINARY[type(node.op)](_value(node.left), _value(node.right))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        function = _FUNCTIONS.get(node.func.id)
        if function is None:
            raise ValueError(f"there is no function {node.func.id!r}")
        value = function(*map(_value, node.args))
    if not isinstance(value, int | float):
        raise ValueError("not an arithmetic expression")
    if not abs(value) <= LARGEST:  # so written that NaN fails as well
        raise ValueError("too large")
    return value
