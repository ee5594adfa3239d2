"""Placeholders of a prompt template: `{{question}}` and the like.

Substitution is plain text; what stands between double braces and is no single word is text.
"""

from __future__ import annotations

import re

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
KNOWN = ("question", "passages", "examples", "labels", "schema", "worked", "history", "files")


def placeholders(text: str) -> set[str]:
    """Their names."""
    return set(PLACEHOLDER.findall(text))


def sound(template: str) -> str:
    """The template. Raises ValueError for a name that is not known, and where there are others
    without the question."""
    found = placeholders(template)
    if unknown := sorted(found - set(KNOWN)):
        raise ValueError(f"unknown placeholder {{{{{unknown[0]}}}}}; known: {', '.join(KNOWN)}")
    if found and "question" not in found:
        raise ValueError("a template with placeholders must hold {{question}}")
    return template
