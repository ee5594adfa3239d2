"""Writes examples.jsonl of the tickets task.

Run `python generate.py` in this folder, or `python generate.py OTHER_FOLDER` to write elsewhere.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generator.compose import examples  # noqa: E402


def write(folder: Path) -> int:
    lines = [json.dumps(example, ensure_ascii=False) for example in examples()]
    (folder / "examples.jsonl").write_bytes(("\n".join(lines) + "\n").encode())
    return len(lines)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    print(f"{write(target)} examples in {target}")
