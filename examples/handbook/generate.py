"""Writes knowledge/, databases/ and examples.jsonl of the handbook task.

Run `python generate.py` in this folder, or `python generate.py OTHER_FOLDER` to write elsewhere.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generator.documents import DOCUMENTS  # noqa: E402
from generator.questions import ABSENT_TERMS, EXAMPLES  # noqa: E402
from generator.tables import write as write_tables  # noqa: E402


def check() -> None:
    """What must hold before anything is written."""
    for term in ABSENT_TERMS:
        for path, text in DOCUMENTS.items():
            if term.lower() in text.lower():
                raise ValueError(f"{term!r} is asked as unanswerable but stands in {path}")
    questions = [example["inputs"]["question"].lower() for example in EXAMPLES]
    for question in questions:
        if questions.count(question) > 1:
            raise ValueError(f"asked twice: {question}")
    told = set(re.findall(r"\d+", " ".join(DOCUMENTS.values()).replace(",", "")))
    for example in EXAMPLES:
        forms = example["reference"]
        figures = set(forms if isinstance(forms, list) else [forms]) & told
        if "database" in example["tags"] and any(len(figure) > 3 for figure in figures):
            raise ValueError(f"{example['id']}: its answer {figures} stands in a document")


def write(folder: Path) -> None:
    check()
    knowledge = folder / "knowledge"
    for old in sorted(knowledge.rglob("*.md")):
        old.unlink()
    for path, text in DOCUMENTS.items():
        target = knowledge / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    lines = [json.dumps(example, ensure_ascii=False) for example in EXAMPLES]
    write_tables(folder / "databases" / "handbook.sqlite")
    (folder / "examples.jsonl").write_bytes(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    write(target)
    print(f"{len(DOCUMENTS)} documents, {len(EXAMPLES)} examples in {target}")
