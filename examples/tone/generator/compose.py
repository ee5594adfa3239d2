"""Draws the facts, writes note and rewrite from them, and rewrites that fall short in a known way."""

import random
import re

from .occasions import MONTHS, NAMES, OCCASIONS

SIGN_OFF = "Kind regards,\nThe Linden Court team"
DRAWS = 4  # of each note's wording
JUDGED = 60  # notes that get a good, a middling and a bad rewrite
RATINGS = {"good": 5, "middling": 3, "bad": 1}


class Draw:
    """Draws from one seeded sequence; only `random()`, which Python keeps from version to
    version."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def of(self, items):
        """One of the items."""
        return items[int(self.random() * len(items))]

    def facts(self, i):
        """Facts for one note; no two figures among them are the same."""
        start = 8 + int(self.random() * 8)
        first = 1 + int(self.random() * 12)
        month = self.of(MONTHS)
        return {
            "who": NAMES[i % len(NAMES)],
            "flat": str(31 + int(self.random() * 68)),
            "day": f"{first} {month}",
            "day2": f"{first + 2 + int(self.random() * 4)} {month}",
            "time": f"{start}:{self.of(['00', '15', '30'])}",
            "time2": f"{start + 2 + int(self.random() * 3)}:{self.of(['00', '30'])}",
            "sum": str(100 + int(self.random() * 80) * 5),
            "n": str(19 + int(self.random() * 11)),
        }


def letter(who, body):
    """A body in its frame."""
    return f"Dear {who},\n\n{body}\n\n{SIGN_OFF}"


def casual(who, body):
    """Middling: facts kept; a greeting of its own, exclamation marks, short forms, no frame."""
    body = re.sub(r"\. ", "! ", body, count=1)
    return f"Hi {who},\n\n{body.replace(' will ', chr(39) + 'll ', 1)} That's it from us.\n\n{SIGN_OFF}"


def official(who, body):
    """Middling: facts kept; passive, office words, the wrong ending."""
    return f"Dear {who},\n\nFYI this letter was written so that you are informed. {body}\n\nThe management"


def rambling(who, body):
    """Middling: facts kept; a second wish, a person instead of the house, an endless sentence."""
    first, rest = body.split(". ", 1)
    return letter(
        who,
        f"I am writing to you because I think that you would surely want to know about it in good"
        f" time and so here it comes: {first[0].lower()}{first[1:]}. {rest} Please also let me know"
        f" that my letter has come.",
    )


MIDDLING = (casual, official, rambling)


def curt(note):
    """Bad: the note itself, hardly touched, with one figure changed."""
    *_, last = re.finditer(r"\d+(?=:)|(?<![:\d])\d+", note)
    return f"{note[: last.start()]}{int(last[0]) + 1}{note[last.end() :]}, pls confirm ASAP!!"


def examples():
    """(examples, judged answers): every wording of a note with four draws of facts."""
    made, judged, number = [], [], 0
    draw = Draw("tone")
    for occasion, (notes, rewrites) in OCCASIONS.items():
        for wording, note in enumerate(notes):
            for i in range(DRAWS):
                facts = draw.facts(number)
                filled = note.format(**facts)
                which = (wording + i) % 2
                body = rewrites[which].format(**facts)
                group = f"{occasion}-{wording}"
                id = f"tone-{number + 1:03}"
                made.append(
                    {
                        "id": id,
                        "inputs": {"question": filled},
                        "reference": letter(facts["who"], body),
                        "group": group,
                        "tags": [occasion],
                    }
                )
                if i == 0 and len(judged) < 3 * JUDGED:
                    other = rewrites[1 - which].format(**facts)
                    middling = MIDDLING[(number // DRAWS) % len(MIDDLING)]
                    answers = {
                        "good": letter(facts["who"], other),
                        "middling": middling(facts["who"], other),
                        "bad": curt(filled),
                    }
                    judged += [
                        {
                            "id": f"{id}-{kind}",
                            "question": filled,
                            "answer": answer,
                            "label": RATINGS[kind],
                            "group": id,
                        }
                        for kind, answer in answers.items()
                    ]
                number += 1
    return made, judged
