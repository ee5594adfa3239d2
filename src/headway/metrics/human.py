"""What people say of an answer, from the task's `ratings.jsonl`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from headway.core.protocols import Scored
from headway.core.rating import FILE, Rating, last_words, of_answer, ratings_of, read_verdicts
from headway.core.record import Score


class HumanRating:
    """Mean of people's ratings of that very answer, each scaled to [0, 1]; a flag without a rating
    is 1 for `fine` and 0 for `wrong` and `hallucination`. None where nobody rated that answer. What
    people say of a refusal or a broken answer counts as well: it may have been the right one."""

    name: ClassVar[str] = "human_rating"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = False
    any_status: ClassVar[bool] = True

    def __init__(self) -> None:
        self._read: tuple[Path, int, dict[str, list[Rating]]] | None = None

    async def score(self, scored: Scored) -> Score | None:
        """0 to 1, with who said what. Raises InputError for a file that cannot be read."""
        record = scored.record
        found = of_answer(
            self._ratings(scored.task.folder).get(record.example, ()), record.example, record.answer
        )
        if not found:
            return None
        said = [r.model_dump(exclude={"example", "answer"}, exclude_none=True) for r in found]
        return Score(sum(r.share for r in found) / len(found), notes={"ratings": said})

    def _ratings(self, folder: Path) -> dict[str, list[Rating]]:
        """By example, read anew when the file has changed."""
        file = folder / FILE
        changed = file.stat().st_mtime_ns if file.is_file() else 0
        if self._read is None or self._read[:2] != (folder, changed):
            by_example: dict[str, list[Rating]] = {}
            for rating in ratings_of(last_words(read_verdicts(folder))):
                by_example.setdefault(rating.example, []).append(rating)
            self._read = (folder, changed, by_example)
        return self._read[2]
