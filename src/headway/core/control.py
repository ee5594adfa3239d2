"""Control tokens of chat models, where they stand in a text.

Text that looks like a control token would end the message it stands in (AGENTS.md, rule 7). What
is served and what is trained on must read such text alike, so there is one function for both.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"<\|(\w+)\|>")


def only_text(content: str) -> str:
    """`content` with `<|im_end|>` and the like parted, so that they are text and nothing else."""
    return _CONTROL.sub(r"<| \1|>", content)
