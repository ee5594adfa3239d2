"""The house style as rules that can be checked, and whether the facts of a note are kept.

`style` is the share of ten rules that an answer meets, `facts` the share of the note's facts that
stand in it: its figures, the resident's name, and what it is about. Word lists, not judgement: a
text that meets all ten may still read badly, which is what the rubric is for.
"""

import re

SIGN_OFF = "Kind regards,\nThe Linden Court team"
JARGON = (
    "asap", "fyi", "eta", "u/s", "o/o/o", "w/", "pls", "req'd", "sched", "btw", "p/u", "pcs", "approx",
    "abt", "avail", "eff.", "p.m.", "pm", "hrs", "yrs", "wks", "min", "mins", "shd", "max", "re", "iban",
    "evac", "tech", "id", "till", "ok",
)  # fmt: skip
IRREGULAR = (
    "given|sent|made|done|taken|told|put|kept|paid|brought|left|found|held|heard|read|shut|cut|"
    "written|known|seen|lost|set|begun|broken|chosen|driven|bought|built|got|met|sold"
)
PASSIVE = re.compile(
    rf"\b(is|are|was|were|be|been|being|gets?|got)\s+(not\s+|also\s+|already\s+)?(\w+ed|{IRREGULAR})\b",
    re.IGNORECASE,
)
FIGURE = re.compile(r"\d+(?:[:.,]\d+)*")
# What the house's letters are about; where note and reference have such a word, the answer must too.
SUBJECTS = [
    "alarm",
    "boiler",
    "box",
    "bulky",
    "contract",
    "deposit",
    "door",
    "fitter",
    "goods",
    "internet",
    "jug",
    "kerb",
    "key",
    "lift",
    "meter",
    "music",
    "parcel",
    "parking",
    "photo",
    "quiet",
    "rail",
    "rent",
    "reception",
    "sills",
    "space",
    "stairwell",
    "valve",
    "water",
    "windows",
]


def figures(text):
    """Figures of a text, without marks at their end."""
    return {found.rstrip(".,:") for found in FIGURE.findall(text)}


def sentences(text):
    """Sentences of the body: without greeting and sign-off."""
    body = text.replace(SIGN_OFF, "")
    body = re.sub(r"^\s*(dear|hi|hello)\b[^\n]*\n", "", body, flags=re.IGNORECASE)
    return [s.strip() for s in re.split(r"(?<=[.!?])\s+", body.strip()) if s.strip()]


def resident(note):
    """The resident that a note names, such as `Ms Okonkwo`."""
    found = re.search(r"\bM(?:s|r) [A-Z]\w+", note)
    return found[0] if found else ""


def rules(note, text):
    """Each rule of the house style by name, and whether the text meets it."""
    said = sentences(text)
    words = re.findall(r"[\w'’:.-]*\w", text)
    parts = {part.strip("(),;:!?").lower() for part in text.split()}
    return {
        "greeting": text.startswith(f"Dear {resident(note)},\n"),
        "sign_off": text.rstrip().endswith(SIGN_OFF),
        "length": 35 <= len(words) <= 75,
        "sentences": bool(said) and all(len(s.split()) <= 25 for s in said),
        "words": not parts & set(JARGON) and not re.search(r"\w['’](t|s|re|ll|ve|d|m)\b", text),
        "figures": figures(note) == figures(text),
        "active": not PASSIVE.search(text),
        "next_step": sum(s.startswith("Please ") for s in said)
        == 1
        == len(re.findall(r"(?i)\bplease\b", text)),
        "calm": "!" not in text and not re.search(r"\b[A-Z]{3,}\b", text),
        "we": not re.search(r"\b(I|me|my|mine)\b", text),
    }


def wanted(note, reference):
    """The facts of a note: its figures, the resident's name, and what it is about."""
    return figures(note) | set(resident(note).split()[1:]) | (subjects(note) & subjects(reference))


def subjects(text):
    """The words of a text that say what it is about."""
    return {word for word in SUBJECTS if re.search(rf"\b{word}\b", text.lower())}


def style(example, record):
    """The share of the ten rules that the answer meets."""
    met = rules(example["inputs"]["question"], str(record["output"] or ""))
    return sum(met.values()) / len(met)


def facts(example, record):
    """The share of the note's facts that stand in the answer; None without a reference."""
    if not example["reference"]:
        return None
    answer = str(record["output"] or "")
    there = figures(answer) | set(re.findall(r"[A-Za-z]+", answer)) | subjects(answer)
    needed = wanted(example["inputs"]["question"], example["reference"])
    return len(needed & there) / len(needed)


facts.needs = ("reference",)
