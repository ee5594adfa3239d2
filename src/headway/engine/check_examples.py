"""Checks of the examples: how many, how they are dealt out, what stands on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from headway.core.findings import CheckItem
from headway.core.pipeline import PROMPTS
from headway.core.task import SPLITS, Example
from headway.engine.check_look import SHOWN, Look, count, item, some
from headway.engine.check_twins import held, words
from headway.engine.probes import DRAWN_FROM

GATE = 20  # references from which a baseline says anything ("Optimizing LLM Accuracy", OpenAI)
FEWEST_GROUPS = 6  # no test rejects with fewer
THIN = 10  # examples of a kind in dev below which its figure says little
PAIRS = 20  # pairs that the data lists


def counts(look: Look) -> Iterator[CheckItem]:
    """How many examples, by split."""
    task = look.task
    explore, confirm = look.dev
    parts: dict[str, tuple[Example, ...]] = {split: task.split(split) for split in SPLITS}
    parts |= {"explore": explore, "confirm": confirm}
    found = {n: {"examples": len(part), "groups": _groups(part)} for n, part in parts.items()}
    if not task.examples:
        yield item(
            "examples", "error", "There are no examples: nothing can be measured.", splits=found
        )
        return
    sizes = {name: part["examples"] for name, part in found.items()}
    groups = _groups(task.examples)
    yield item(
        "examples",
        "ok",
        f"{count(len(task.examples), 'example')} in {count(groups, 'group')}:"
        f" {sizes['train']} train, {sizes['dev']} dev ({sizes['explore']} to explore,"
        f" {sizes['confirm']} to confirm), {sizes['test']} test.",
        splits=found,
        groups=groups,
    )


def _groups(examples: tuple[Example, ...]) -> int:
    return len({e.cluster for e in examples})


FOLLOWS = {
    "train": "techniques that show or learn from solved examples have nothing to work with",
    "dev": "nothing can be evaluated",
    "test": "no journey can end with a figure that nobody has seen before",
}


def split_sizes(look: Look) -> Iterator[CheckItem]:
    """Splits that are empty or too small to prove anything, and what follows from it."""
    if not look.task.examples:
        return
    found = [
        item("split_sizes", "warning", f"{split} is empty: {then}.", split=split)
        for split, then in FOLLOWS.items()
        if not look.task.split(split)  # type: ignore[arg-type]  # the keys are the splits
    ]
    explore, confirm = look.dev
    if look.task.split("dev") and (_groups(confirm) < FEWEST_GROUPS or len(explore) < 6):
        text = (
            f"dev has {count(len(explore), 'example')} to explore and"
            f" {count(_groups(confirm), 'group')} to confirm on: with fewer than {FEWEST_GROUPS} of"
            " each nothing can be proven, and a journey does not start."
        )
        found.append(
            item("split_sizes", "warning", text, explore=len(explore), confirm=_groups(confirm))
        )
    yield from found or [item("split_sizes", "ok", "Every split holds enough to be used.")]


def baseline_gate(look: Look) -> Iterator[CheckItem]:
    """Enough examples with a reference for a first figure."""
    total = len(look.task.examples)
    known = sum(e.reference is not None for e in look.task.examples)
    data = {"with_reference": known, "without_reference": total - known, "least": GATE}
    if known < GATE:
        text = (
            f"With a reference: {known} of {count(total, 'example')}. {GATE} are the least for a"
            " baseline: write more before anything is optimised."
        )
        yield item("baseline_gate", "warning", text, **data)
        return
    text = f"With a reference: {known:,} of {count(total, 'example')}."
    if known < total:
        text += f" Without, so not scored by metrics that need one: {total - known}."
    yield item("baseline_gate", "ok" if known == total else "note", text, **data)


def evidence(look: Look) -> Iterator[CheckItem]:
    """Examples that say where their answer stands."""
    examples = look.task.examples
    known = sum(bool(e.evidence) for e in examples)
    if not look.task.has_knowledge:
        if any(v.document for e in examples for v in e.evidence):
            text = (
                f"Evidence in documents is named by {count(known, 'example')}, and the task has no"
                " knowledge: it is not used. To use it: knowledge: {path: knowledge/}."
            )
            yield item("evidence", "note", text, with_evidence=known)
        return
    drawn = sum(bool(e.evidence) for e in look.dev[0])
    data = {"with_evidence": known, "without_evidence": len(examples) - known, "explore": drawn}
    if drawn < DRAWN_FROM:
        text = (
            f"With evidence: {known} of {count(len(examples), 'example')}, {drawn} of them in"
            f" explore. Below {DRAWN_FROM} there a diagnosis does not draw the map of the two axes."
        )
        yield item("evidence", "note", text, **data)
        return
    text = f"With evidence: {known} of {count(len(examples), 'example')}."
    yield item("evidence", "ok", text, **data)


def tags(look: Look) -> Iterator[CheckItem]:
    """Kinds of questions, and those with too few in dev to say anything of."""
    found = Counter(tag for e in look.task.examples for tag in e.tags)
    dev = Counter(tag for e in look.task.split("dev") for tag in e.tags)
    if not found:
        text = "No example has tags: figures by kind of question need them."
        yield item("tags", "note", text, tags={})
        return
    thin = sorted(tag for tag in found if dev[tag] < THIN)
    text = f"{count(len(found), 'kind')} of questions by tag."
    if thin:
        text += f" Fewer than {THIN} examples in dev, so little can be said of them: {some(thin)}."
    yield item("tags", "note" if thin else "ok", text, tags=dict(found.most_common()), thin=thin)


def unreviewed(look: Look) -> Iterator[CheckItem]:
    """Drafted examples that no person has looked at."""
    drafts = [e.id for e in look.task.examples if e.reviewed is False]
    if drafts:
        text = (
            f"Drafted and not reviewed by a person: {count(len(drafts), 'example')}"
            f" ({some(drafts)}). Figures over them may rest on wrong references."
        )
        held = len(look.task.set_aside("test").get("unreviewed", ()))
        if held:
            text += f" Kept out of the sealed test until they are: {held}."
        text += f" To review them: headway review {look.task.typed}."
        yield item(
            "unreviewed", "warning", text, count=len(drafts), first=drafts[:SHOWN], kept_out=held
        )
        return
    yield item("unreviewed", "ok", "No example waits for a review.", count=0)


def reviews(look: Look) -> Iterator[CheckItem]:
    """People's verdicts: how many, by whom; what they set aside; which are void."""
    found = look.task.reviews
    if found.of:
        verdicts = Counter(r.verdict for r in found.of.values())
        by = dict(Counter(r.by for r in found.of.values()).most_common())
        said = ", ".join(f"{many} {verdict}" for verdict, many in verdicts.most_common())
        many = count(len(found.of), "example")
        text = f"Ruled on by people: {many} ({said}), by {some(list(by))}."
        yield item("reviews", "ok", text, verdicts=dict(verdicts), by=by)
    if found.ambiguous:
        ids = [e.id for e in found.ambiguous]
        many = count(len(ids), "example")
        text = f"Ruled ambiguous, so set aside and not scored: {many} ({some(ids)})."
        yield item("ambiguous", "note", text, count=len(ids), examples=ids)
    for said in found.told():
        text = f"{said}. To rule anew: headway review {look.task.typed}."
        yield item("reviews", "warning", text, void=[r.example for r in found.void])


def empty_inputs(look: Look) -> Iterator[CheckItem]:
    """Examples that ask nothing."""
    empty = [e.id for e in look.task.examples if not look.asked(e).strip()]
    if empty:
        text = (
            f"With empty inputs, so asking nothing: {count(len(empty), 'example')} ({some(empty)})."
        )
        yield item("empty_inputs", "warning", text, count=len(empty), first=empty[:SHOWN])


# --- near-duplicates and leaks --------------------------------------------------------------------


def _pairs(look: Look) -> Iterator[tuple[Example, Example]]:
    """Near-duplicates that are in different groups; of equal texts one for each split."""
    examples = look.task.examples
    shown: dict[int, list[int]] = {}
    for group in look.twins.same:
        by_side = {(look.side[examples[n].id]): n for n in reversed(group)}
        shown[group[0]] = list(by_side.values())
        for a, b in combinations(sorted(by_side.values()), 2):
            yield examples[a], examples[b]
    for a, b, _ in look.twins.near:
        for left in shown.get(a, [a]):
            for right in shown.get(b, [b]):
                if examples[left].cluster != examples[right].cluster:
                    yield examples[left], examples[right]


def near_duplicates(look: Look) -> Iterator[CheckItem]:
    """Nearly the same question twice: harmless on one side of the split, not on two."""
    examples = look.task.examples
    # Those of one group were declared to belong together.
    clusters = [c for c in look.twins.clusters() if len({examples[n].cluster for n in c}) > 1]
    among = sum(len(c) for c in clusters)
    across = [
        (a, b) for a, b in _pairs(look)
        if look.side[a.id] != look.side[b.id] and a.cluster != b.cluster
    ]  # fmt: skip
    stopped = "" if look.twins.whole else " The search was ended early: there may be more."
    if across:
        named = [f"{a.id} ({look.side[a.id]}) and {b.id} ({look.side[b.id]})" for a, b in across]
        text = (
            f"Near-duplicates on two sides of the split: {count(len(across), 'pair')}"
            f" ({some(named, 3)}). Give them one group, so that they stay on one side.{stopped}"
        )
        listed = [
            {"a": a.id, "b": b.id, "splits": [look.side[a.id], look.side[b.id]]}
            for a, b in across[:PAIRS]
        ]
        yield item("straddling", "warning", text, count=len(across), pairs=listed)
    else:
        text = f"No near-duplicates straddle the split.{stopped}"
        yield item("straddling", "ok" if look.twins.whole else "note", text, count=0)
    if not clusters:
        yield item("near_duplicates", "ok", "No two examples ask nearly the same.", count=0)
        return
    listed_ids = [[examples[n].id for n in c[:SHOWN]] for c in clusters[:PAIRS]]
    text = (
        f"Asking nearly the same as another: {count(among, 'example')} in"
        f" {count(len(clusters), 'set')} (such as {' and '.join(listed_ids[0][:2])}). They prove"
        " less than their number."
    )
    yield item("near_duplicates", "note", text, count=among, sets=listed_ids)


def leak_train(look: Look) -> Iterator[CheckItem]:
    """A question of dev or test that train gives away."""
    leaked: dict[str, str] = {}
    for pair in _pairs(look):
        a, b = sorted(pair, key=lambda e: look.side[e.id] != "train")
        if look.side[a.id] == "train" and look.side[b.id] != "train" and a.cluster != b.cluster:
            leaked.setdefault(b.id, a.id)
    train = look.task.split("train")
    asked = [e for e in look.task.examples if look.side[e.id] != "train" and e.id not in leaked]
    inside = ["\n".join((look.asked(e), *e.references)) for e in train]
    for number, other in held([look.asked(e) for e in asked], inside):
        leaked.setdefault(asked[number].id, train[other].id)
    if leaked:
        named = [f"{id} ({look.side[id]}) in {other}" for id, other in leaked.items()]
        text = (
            f"Nearly verbatim in train: {count(len(leaked), 'question')} of dev or test"
            f" ({some(named, 3)}). A technique that shows train's examples shows their answers."
        )
        pairs = [{"id": id, "train": other} for id, other in leaked.items()]
        yield item("leak_train", "warning", text, count=len(leaked), pairs=pairs[:PAIRS])
        return
    yield item("leak_train", "ok", "No question of dev or test stands in train.", count=0)


def leak_prompt(look: Look) -> Iterator[CheckItem]:
    """A question or a reference of dev or test that stands in the prompt's text.

    Labels, the phrase for abstaining, and answers of one or two words are left out: a prompt may
    well name them.
    """
    prompts = [
        str(step.settings[name]) for step in look.pipeline.steps for name in PROMPTS
        if name in step.settings
    ]  # fmt: skip
    if not prompts:
        return
    text = f" {' '.join(words(' | '.join(prompts)))} "
    output = look.task.spec.output
    allowed = {words(label) for label in (*output.labels, output.abstain or "")}
    found: list[tuple[str, str]] = []
    for example in look.task.examples:
        if look.side[example.id] == "train":
            continue
        if _stands(words(look.asked(example)), text, 4):
            found.append((example.id, "question"))
        known = [w for r in example.references if (w := words(r)) not in allowed]
        if any(_stands(w, text, 3) for w in known):
            found.append((example.id, "reference"))
    if found:
        named = [f"the {what} of {id} ({look.side[id]})" for id, what in found]
        said = (
            f"The prompt holds, word for word, {some(named, 3)}: what it scores there says nothing"
            " of new questions."
        )
        listed = [{"id": id, "what": what} for id, what in found[:PAIRS]]
        yield item("leak_prompt", "warning", said, count=len(found), found=listed)
        return
    yield item("leak_prompt", "ok", "No question or answer of dev or test is in the prompt.")


def _stands(found: tuple[str, ...], text: str, fewest: int) -> bool:
    joined = " ".join(found)
    return len(found) >= fewest and len(joined) >= 12 and f" {joined} " in text
