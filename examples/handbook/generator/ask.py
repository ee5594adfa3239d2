"""How questions are noted down: a fact is a sentence of a document, found by a few of its words.

`ask(path, anchor, reference, "kind: question", ...)` makes one example per question; all questions on
one fact share a group. A reference of several forms is written "26 days|26".
"""

import re

from .documents import sentence

ABSTAIN = "not in the handbook"
KINDS = {
    "l": "lookup",
    "p": "paraphrase",
    "v": "version",
    "o": "office",
    "m": "model",
    "b": "two_passages",
    "u": "unanswerable",
    "f": "figure",
    "d": "database",
}

NUMBERS = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    11: "eleven",
    12: "twelve",
}

EXAMPLES: list[dict] = []
ABSENT_TERMS: list[str] = []
_sizes: dict[str, int] = {}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")


def _forms(reference: str) -> list[str]:
    """The accepted answers; small numbers count in words and in figures."""
    forms = reference.split("|")
    swap = {word: str(n) for n, word in NUMBERS.items()} | {
        str(n): word for n, word in NUMBERS.items()
    }
    for form in list(forms):
        first, *rest = form.split(" ")
        if first in swap:
            forms.append(" ".join([swap[first], *rest]))
    return list(dict.fromkeys(forms))


def add(
    group: str, domain: str, reference: str, evidence: list[dict], questions: tuple[str, ...]
) -> None:
    """One example a question, each written "kind: question"."""
    forms = _forms(reference)
    for line in questions:
        kind, question = line.split(": ", 1)
        _sizes[group] = _sizes.get(group, 0) + 1
        EXAMPLES.append(
            {
                "id": f"{group}-{_sizes[group]}",
                "inputs": {"question": question},
                "reference": forms if len(forms) > 1 else forms[0],
                "evidence": evidence,
                "group": group,
                "tags": [KINDS[kind], domain],
            }
        )


def ask(path: str, anchor: str, reference: str, *questions: str) -> None:
    """Questions whose answer stands in one sentence, row or list item."""
    path += ".md"
    domain = path.split("/")[0]
    found = sentence(path, anchor)
    plain = found["text"].lower().replace(",", "")
    if not any(form.lower().replace(",", "") in plain for form in reference.split("|")):
        raise ValueError(f"{path}: {reference!r} is not in {found['text']!r}")
    add(
        f"{_slug(path[len(domain) + 1 : -3])}.{_slug(anchor)}",
        domain,
        reference,
        [found],
        questions,
    )


def both(passages: list[tuple[str, str]], reference: str, *questions: str) -> None:
    """Questions that need two passages."""
    evidence = [sentence(f"{path}.md", anchor) for path, anchor in passages]
    domain = passages[0][0].split("/")[0]
    group = "both." + ".".join(
        f"{_slug(path.split('/')[1])}-{_slug(anchor)}" for path, anchor in passages
    )
    add(group, domain, reference, evidence, tuple(f"b: {question}" for question in questions))


def nowhere(domain: str, term: str, *questions: str) -> None:
    """Questions that no document answers; the term, where given, occurs in none of them."""
    if term:
        ABSENT_TERMS.append(term)
    add(
        f"nowhere.{_slug(questions[0])}",
        domain,
        ABSTAIN,
        [],
        tuple(f"u: {question}" for question in questions),
    )


def euros(amount: str | int) -> str:
    return f"{amount} euros|€{amount}|EUR {amount}|{amount}"


def number(amount: int) -> str:
    return str(amount) if amount < 1000 else f"{amount:,}|{amount}"
