"""What every Knowledge must do. Subclass, implement `make`, and pytest runs the checks:

class TestMine(KnowledgeContract):
    def make(self, documents):
        return MyKnowledge(documents)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from headway.core.protocols import Knowledge, Search, Unit
from headway.core.task import Evidence

DOCUMENTS = {
    "harbour.txt": "The harbour opens at six. The harbour master is Ada Quill.\n\n"
    "Boats longer than nine metres need a pilot.",
    "kiln.txt": "The kiln fires at 1,240 degrees.\nIt cools for two\n  days before it is opened.",
    "orchard.txt": "Apples are picked in September. Pears are picked in September as well. "
    "The cider press stands in the barn.",
    "café.txt": "The ﬁrst café in the square sells coﬀee, “strong” and hot.",
}
HOSTILE = (
    "",
    " ",
    "?!",
    '"unbalanced',
    "a AND (b OR",
    "NOT",
    "*",
    "kiln^9~",
    "field:value",
    "\x00",
    "\ud800",
    "'; DROP TABLE passages; --",
    "\\",
    "🙂" * 50,
    "word " * 3000,
)
FOLDERS = {
    "north/tides.txt": "The tide turns at noon. Boats wait for the tide.",
    "north/lamps.txt": "Lamps are lit at dusk. The tide drowns the lower lamps.",
    "south/tides.txt": "The tide turns at nine. Nets are hauled before the tide.",
    "notes.txt": "A tide table hangs in the office.",
}
UNITS: tuple[Unit, ...] = ("tokens", "sentences", "headings", "document")
HOW = Search(tokens=16, overlap=4, by="text", k=3)


class KnowledgeContract:
    """Checks of `headway.core.protocols.Knowledge`, by full text and with offsets."""

    def make(self, documents: Mapping[str, str]) -> Knowledge:
        """Knowledge over these documents, {name: text}. Called once or more in each check. A name
        may have folders, `a/x.txt`; its first is the document's metadata `folder`."""
        raise NotImplementedError

    def test_search_finds(self) -> None:
        knowledge = self.make(DOCUMENTS)
        found = asyncio.run(knowledge.search("When does the kiln cool?", HOW))
        assert found[0].document == "kiln.txt"

    def test_passages_are_pieces_of_their_documents(self) -> None:
        knowledge = self.make(DOCUMENTS)
        found = asyncio.run(knowledge.search("picked in the barn at six", HOW))
        assert 1 <= len(found) <= HOW.k
        for passage in found:
            assert passage.text == DOCUMENTS[passage.document][passage.start : passage.end]
        scores = [passage.score or 0.0 for passage in found]
        assert scores == sorted(scores, reverse=True)

    def test_the_same_search_gives_the_same_passages(self) -> None:
        twins = {f"{number:02}.txt": "One and the same text." for number in range(12)}
        knowledge = self.make(twins)
        first = asyncio.run(knowledge.search("same text", HOW))
        assert len(first) == HOW.k
        for _ in range(5):
            assert asyncio.run(knowledge.search("same text", HOW)) == first

    def test_any_text_is_a_query(self) -> None:
        knowledge = self.make(DOCUMENTS)
        for query in HOSTILE:
            assert len(asyncio.run(knowledge.search(query, HOW))) <= HOW.k

    def test_searches_run_side_by_side(self) -> None:
        knowledge = self.make(DOCUMENTS)

        async def many() -> set[str]:
            found = await asyncio.gather(*(knowledge.search("cider", HOW) for _ in range(32)))
            return {passages[0].document for passages in found}

        assert asyncio.run(many()) == {"orchard.txt"}

    def test_documents_are_kept_as_they_are(self) -> None:
        knowledge = self.make(DOCUMENTS)
        for name, text in DOCUMENTS.items():
            assert knowledge.document(name) == text
        assert knowledge.document("nobody.txt") is None

    def test_fingerprint(self) -> None:
        same, again = self.make(DOCUMENTS), self.make(dict(reversed(DOCUMENTS.items())))
        assert same.fingerprint == again.fingerprint
        changed = self.make({**DOCUMENTS, "kiln.txt": "The kiln fires at 1,241 degrees."})
        assert changed.fingerprint != same.fingerprint

    def test_locate(self) -> None:
        knowledge = self.make(DOCUMENTS)

        def at(
            document: str | None, text: str | None = None, start: int | None = None
        ) -> str | None:
            found = knowledge.locate(Evidence(document=document, text=text, start=start))
            return None if found is None else DOCUMENTS[found[0]][found[1] : found[2]]

        assert at("harbour.txt", "Ada Quill") == "Ada Quill"
        assert at("kiln.txt", "cools for two days") == "cools for two\n  days"
        assert at("café.txt", "first cafe\u0301") == "ﬁrst café"
        assert at("kiln.txt") == DOCUMENTS["kiln.txt"]
        assert at("harbour.txt", "Bo Quill") is None
        assert at("nobody.txt", "Ada") is None
        assert knowledge.locate(Evidence(tables=("boats",))) is None

    def test_of_several_places_the_nearest(self) -> None:
        knowledge = self.make(DOCUMENTS)
        text = DOCUMENTS["orchard.txt"]
        first, second = text.index("September"), text.rindex("September")
        for near, start in ((None, first), (0, first), (second - 3, second), (999, second)):
            evidence = Evidence(document="orchard.txt", text="September", start=near)
            assert knowledge.locate(evidence) == ("orchard.txt", start, start + 9)

    def test_passages_of_hold_the_evidence(self) -> None:
        knowledge = self.make(DOCUMENTS)
        evidence = (
            Evidence(document="harbour.txt", text="need a pilot"),
            Evidence(document="orchard.txt", text=DOCUMENTS["orchard.txt"][8:80]),
            Evidence(document="kiln.txt"),
            Evidence(document="kiln.txt", text="not in there"),
        )
        passages = knowledge.passages_of(evidence, HOW)
        assert {p.document for p in passages} == {"harbour.txt", "orchard.txt", "kiln.txt"}
        for item in evidence[:3]:
            span = knowledge.locate(item)
            assert span is not None
            assert any(passage.covers(*span) for passage in passages)
        for passage in passages:
            assert passage.text == DOCUMENTS[passage.document][passage.start : passage.end]
        assert knowledge.passages_of((), HOW) == ()

    def test_names_and_metadata(self) -> None:
        knowledge = self.make(FOLDERS)
        assert sorted(knowledge.names) == sorted(FOLDERS)
        for name in FOLDERS:
            folder = name.split("/")[0] if "/" in name else ""
            assert knowledge.metadata(name).get("folder", "") == folder
            assert all(isinstance(value, str) for value in knowledge.metadata(name).values())
        assert not knowledge.metadata("nobody.txt")

    def test_where_is_exact_and_gives_all_there_are(self) -> None:
        others = {f"south/{i:03}.txt": "The tide, the tide, the tide turns." for i in range(60)}
        knowledge = self.make({**FOLDERS, **others})
        how = replace(HOW, k=2, where=(("folder", "north"),))
        found = asyncio.run(knowledge.search("when does the tide turn", how))
        assert {p.document for p in found} == {"north/tides.txt", "north/lamps.txt"}
        for where in ((("folder", "west"),), (("folder", "north"), ("folder", "south"))):
            assert asyncio.run(knowledge.search("tide", replace(how, where=where))) == ()
        assert asyncio.run(knowledge.search("tide", replace(how, where=(("no field", ""),)))) == ()

    def test_every_unit_gives_pieces_that_it_holds(self) -> None:
        knowledge = self.make(DOCUMENTS)
        for unit in UNITS:
            how = replace(HOW, unit=unit)
            found = asyncio.run(knowledge.search("picked in the barn at six", how))
            assert found, unit
            for passage in found:
                text = DOCUMENTS[passage.document]
                assert passage.text == text[passage.start : passage.end]
                assert knowledge.holds((passage.document, passage.start, passage.end), how)

    def test_whole_documents(self) -> None:
        knowledge = self.make(DOCUMENTS)
        found = asyncio.run(knowledge.search("cider", replace(HOW, unit="document")))
        assert [p.text for p in found] == [DOCUMENTS["orchard.txt"]]

    def test_whole_sentences(self) -> None:
        knowledge = self.make(DOCUMENTS)
        how = Search(tokens=10, overlap=0, unit="sentences", k=1)
        found = asyncio.run(knowledge.search("cider press", how))
        assert [p.text for p in found] == ["The cider press stands in the barn."]

    def test_around_hands_over_more_and_each_piece_once(self) -> None:
        text = " ".join(f"w{i}" for i in range(400))
        knowledge = self.make({"a.txt": text, "b.txt": "w50 alone", "c.txt": "w51 alone"})
        small = Search(tokens=10, overlap=0, k=1)
        (hit,) = asyncio.run(knowledge.search("w205", small))
        (wide,) = asyncio.run(knowledge.search("w205", replace(small, around=20)))
        assert (wide.start, wide.end) == (text.index("w180 "), text.index(" w230"))
        assert wide.start < hit.start < hit.end < wide.end
        assert wide.text == text[wide.start : wide.end]
        assert wide.score == hit.score
        how = replace(small, k=3, around=20)
        found = asyncio.run(knowledge.search("w201 w211 w51 w50", how))
        assert sorted(p.document for p in found) == ["a.txt", "b.txt", "c.txt"] or (
            len([p for p in found if p.document == "a.txt"]) == 2 and len(found) == 3
        )
        inside = sorted((p.start, p.end) for p in found if p.document == "a.txt")
        assert all(first[1] < second[0] for first, second in pairwise(inside))
        assert all(knowledge.holds((p.document, p.start, p.end), how) for p in found)

    def test_around_is_in_what_holds_the_evidence(self) -> None:
        text = " ".join(f"w{i}" for i in range(400))
        knowledge = self.make({"a.txt": text})
        start, end = text.index("w195"), text.index(" w215")
        small = Search(tokens=10, overlap=0, k=1)
        assert not knowledge.holds(("a.txt", start, end), small)
        assert knowledge.holds(("a.txt", start, end), replace(small, around=20))
        evidence = (Evidence(document="a.txt", text="w205"),)
        (shown,) = knowledge.passages_of(evidence, replace(small, around=20))
        (found,) = asyncio.run(knowledge.search("w205", replace(small, around=20)))
        assert (shown.start, shown.end) == (found.start, found.end)
