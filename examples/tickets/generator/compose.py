"""Puts a message together from wordings, and its ticket from the same facts.

The ticket is never read out of the message: both come from what was drawn, so a reference is right
by construction. Every draw is one call of `random()`, whose sequence Python keeps from version to
version.
"""

import datetime
import hashlib
import random

from . import dev, rules, test, train

POOLS = {"train": train, "dev": dev, "test": test}
COUNTS = {"train": 600, "dev": 300, "test": 180}
SEED = 7
SHARES = {"train": (0.0, 0.5556), "dev": (0.5556, 0.8334), "test": (0.8334, 1.0)}
NUMBERS = ["10", "20", "30", "45", "50", "60", "75", "80", "90", "120", "200"]
DAYS_AGO = {2: "two", 3: "three", 4: "four"}


class Draw:
    """Draws from one seeded sequence."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def of(self, items):
        """One of the items."""
        return items[int(self.random() * len(items))]

    def chance(self, share):
        """Whether an event of that probability happens."""
        return self.random() < share

    def number(self, low, high):
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))


def ordinal(day):
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def spoken(draw, received):
    """(how the message says a day, that day): today, some days ago, or a date of the last twelve
    days; ("", None) where it names none."""
    if draw.chance(0.22):
        return "", None
    if draw.chance(0.35):
        back = draw.of([0, 1, 1, 2, 3, 4])
        words = {0: " today", 1: " yesterday"}.get(back) or f" {DAYS_AGO[back]} days ago"
        return words, received - datetime.timedelta(days=back)
    day = received - datetime.timedelta(days=draw.number(2, 12))
    month = rules.MONTHS[day.month - 1]
    forms = [
        f" on {day.day} {month}",
        f" on {month} {day.day}",
        f" on {ordinal(day.day)} {month}",
        f" on the {ordinal(day.day)} of {month}",
        f" on {day.day:02}/{day.month:02}",
    ]
    if day.month == received.month:
        forms.append(f" on the {ordinal(day.day)}")
    return draw.of(forms), day


def product(draw, pool):
    return f"{draw.of(pool.LINES)} {draw.of(NUMBERS)} {draw.of(pool.KINDS)}"


def after(cue, sentence):
    """A sentence behind a cue; behind a comma it goes on in lower case."""
    if cue.endswith(",") and sentence.split()[0] not in ("I", "{p}"):
        sentence = sentence[0].lower() + sentence[1:]
    return f"{cue} {sentence}"


def mistyped(draw, text):
    """The text with one word in ten misspelt; facts, which stand in braces, stay."""
    words = text.split(" ")
    for at, word in enumerate(words):
        if len(word) < 5 or not word.isalpha() or not draw.chance(0.1):
            continue
        i = draw.number(1, len(word) - 3)
        words[at] = draw.of(
            [
                word[:i] + word[i + 1] + word[i] + word[i + 2 :],
                word[:i] + word[i + 1 :],
                word[:i] + word[i] + word[i:],
            ]
        )
    return " ".join(words)


def requested(draw, pool, category):
    """(the action, the sentence that asks for it): "" where nothing is asked."""
    if category == "question":
        return "information", ""
    options = rules.ASKED[category]
    if category != "return" and draw.chance(0.15):
        return "none", ""
    action = draw.of(options)
    if draw.chance(0.12):
        other = draw.of([option for option in options if option != action])
        return action, draw.of(pool.EITHER).format(a=pool.NOUNS[action], b=pool.NOUNS[other])
    return action, draw.of(pool.ACTIONS[action])


def pressed(draw, pool, category, received):
    """(the urgency, the sentence that says it)."""
    urgency = draw.of(["high", "normal", "normal", "low"])
    if urgency == "normal":
        return urgency, ""
    if urgency == "low":
        return urgency, draw.of(pool.LOW)
    danger = category in rules.DANGEROUS
    sentence = draw.of([s for s in pool.HIGH if danger or "{n}" in s])
    days = [n for n in range(received.day + 1, 29) if ordinal(n).endswith("th")]
    return urgency, sentence.replace("{n}", str(draw.of(days[:6])))


def reached(draw, name):
    """A telephone number or an address that goes with the name."""
    if draw.chance(0.5):
        return f"0555 {draw.number(100, 999)} {draw.number(100, 999)}"
    first, last = name.lower().split()
    local = draw.of([f"{first}.{last}", f"{first[0]}{last}", f"{last}{draw.number(2, 99)}"])
    return f"{local}@{draw.of(['post', 'inbox', 'letters'])}.example"


def issues(draw, pool, category, wording, asks):
    """(sentences, other categories, products, the main one's first): the further issues' {p} and
    {when} are numbered."""
    main = pool.ISSUES[category][wording]
    p = product(draw, pool)
    count = 0 if draw.chance(0.7) else 1 if draw.chance(0.8) else 2
    others, said, products = [], [], [p]
    for _ in range(count):
        left = [c for c in rules.CATEGORIES if c not in (category, *others)]
        # A question beside an issue for which nothing is asked would be asked for after all.
        other = draw.of([c for c in left if c != "question" or asks])
        p2 = draw.of([q for q in (product(draw, pool), product(draw, pool)) if q != p])
        others.append(other)
        products.append(p2)
        sentence = draw.of(pool.ISSUES[other])
        said.append(
            sentence.replace("{p}", f"{{p{len(others)}}}").replace(
                "{when}", f"{{when{len(others)}}}"
            )
        )
    if others and draw.chance(0.35):
        first, rest = said[0], said[1:]
        sentences = [
            first,
            *(after(draw.of(pool.FURTHER), s) for s in rest),
            after(draw.of(pool.MAIN), main),
        ]
    else:
        sentences = [main, *(after(draw.of(pool.FURTHER), s) for s in said)]
    return sentences, others, products


def body(draw, pool, sentences, request, urgency, order, contact, opened, idle):
    """The sentences in an order: what belongs to the main issue stays beside it."""
    at = next(i for i, s in enumerate(sentences) if "{p}" in s)
    parts = list(sentences)
    if request:
        parts.insert(at + 1, request)
    for extra in (order, urgency):
        if extra:
            parts.insert(draw.of([0, len(parts)]) if extra == order else len(parts), extra)
    for sentence in idle:
        parts.insert(draw.of([0, len(parts)]), sentence)
    if contact:
        parts.append(contact)
    return [opened, *parts] if opened else parts


def one(draw, pool, category, wording):
    """One message with its ticket: (inputs, reference, tags)."""
    received = datetime.date(2026, draw.number(1, 12), draw.number(1, 20))
    channel = draw.of(["email", "email", "form", "chat", "letter"])
    name = f"{draw.of(pool.FIRST)} {draw.of(pool.LAST)}"
    action, request = requested(draw, pool, category)
    urgency, presses = pressed(draw, pool, category, received)
    sentences, others, products = issues(draw, pool, category, wording, bool(request))
    when, day = spoken(draw, received)
    if not any("{when}" in s for s in sentences):
        day = None
    named = draw.chance(0.8)
    signs = named and channel in ("email", "letter")
    order = f"RV-{draw.number(10000, 99999)}" if draw.chance(0.7) else None
    contact = reached(draw, name) if draw.chance(0.5) else None
    idle = []
    for _ in range(draw.of([0, 0, 1, 1, 2, 3] if channel != "chat" else [0, 0, 0, 1])):
        idle += [s for s in [draw.of(pool.IDLE)] if s not in idle]
    parts = body(
        draw, pool, sentences, request, presses,
        draw.of(pool.ORDER) if order else "", draw.of(pool.CONTACT) if contact else "",
        draw.of(pool.OPENED) if named and not signs else "", idle,
    )  # fmt: skip
    text = " ".join(parts)
    if channel in ("email", "letter"):
        text = f"{draw.of(pool.GREETING)}\n{text}"
        text += f"\n{draw.of(pool.SIGNED)}" if signs else ""
    if draw.chance(0.3):
        text = mistyped(draw, text)
    text = text.replace("{when}", when)
    for i in (1, 2):
        # A further issue names a day only where the main one does: then which counts is clear.
        also = spoken(draw, received)[0] if day and draw.chance(0.3) else ""
        text = text.replace(f"{{when{i}}}", also)
    facts = {"p": products[0], "name": name, "order": order, "contact": contact}
    facts |= {f"p{i}": p for i, p in enumerate(products) if i}
    facts |= {
        "staff": draw.of(pool.STAFF),
        "serial": f"{draw.number(100000, 999999)}-{draw.number(1, 9)}",
    }
    for fact, value in facts.items():
        text = text.replace("{" + fact + "}", str(value))
    if channel == "chat" and draw.chance(0.6):
        text, name, products = text.lower(), name.lower(), [p.lower() for p in products]
        order = order and order.lower()
    reference = {
        "customer": name if named else None,
        "product": products[0],
        "category": category,
        "other_issues": others,
        "urgency": urgency,
        "order": order,
        "date": day.isoformat() if day else None,
        "action": action,
        "contact": contact,
    }
    inputs = {"received": received.isoformat(), "channel": channel, "message": text}
    second = "{p}" not in sentences[0]
    tags = [category, *(["several"] if others else []), *(["main_last"] if second else [])]
    return inputs, reference, tags


def placed(name, split):
    """A group's name that begins with `name` and that the task's seed and shares put into
    `split`."""
    low, high = SHARES[split]
    number = 0
    while True:
        group = f"{name}-{number}"
        digest = hashlib.sha256(f"{SEED}:{group}".encode()).digest()
        if low + 1e-6 <= int.from_bytes(digest[:8], "big") / 2**64 < high - 1e-6:
            return group
        number += 1


def examples():
    """All examples, split by split."""
    made, seen, number = [], set(), 0
    for split, count in COUNTS.items():
        draw, pool = Draw(f"tickets {split}"), POOLS[split]
        for i in range(count):
            category = rules.CATEGORIES[i % len(rules.CATEGORIES)]
            wording = i // len(rules.CATEGORIES) % len(pool.ISSUES[category])
            inputs, reference, tags = one(draw, pool, category, wording)
            if inputs["message"] in seen:
                raise ValueError(f"written twice: {inputs['message']}")
            seen.add(inputs["message"])
            number += 1
            # Tickets of one wording are alike: they count as one in an interval, and are held out
            # together.
            group = placed(f"{category}-{wording}", split)
            made.append(
                {
                    "id": f"ticket-{number:04}",
                    "inputs": inputs,
                    "reference": reference,
                    "group": group,
                    "tags": tags,
                }
            )
    return made
