"""PDF: files made here by hand, and by pypdf what is tedious by hand; and hostile ones."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from headway.core.errors import InputError
from headway.knowledge.read import Document, read

Line = tuple[int, int, int, str]
"""x, y (points from below left), size, text."""


def pdf(pages: list[list[Line]], image: bytes = b"") -> bytes:
    """A PDF of these lines, whatever their letters; `image` is drawn on pages without any."""
    letters = sorted({letter for page in pages for *_, text in page for letter in text})
    codes = {letter: number for number, letter in enumerate(letters, start=1)}
    table = "begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange\n" + "".join(
        f"1 beginbfchar <{code:04X}> <{letter.encode('utf-16-be', 'surrogatepass').hex()}>"
        " endbfchar\n"
        for letter, code in codes.items()
    )
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H"
        b" /DescendantFonts [4 0 R] /ToUnicode 6 0 R >>",
        4: b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /DW 500 /FontDescriptor 5 0 R"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        5: b"<< /Type /FontDescriptor /FontName /Any /Flags 4 /FontBBox [0 -200 1000 800]"
        b" /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
        6: stream(f"{table}endcmap".encode()),
        7: stream(
            image,
            b"/Type /XObject /Subtype /Image /Width 1000 /Height %d /ColorSpace /DeviceGray"
            b" /BitsPerComponent 8" % (len(image) // 1000),
        ),
    }
    kids = []
    for page in pages:
        number = max(objects) + 1
        kids.append(b"%d 0 R" % number)
        drawn = b"q 100 0 0 100 0 0 cm /I Do Q" if image and not page else b""
        for x, y, size, text in page:
            shown = "".join(f"{codes[letter]:04X}" for letter in text)
            drawn += f"BT /F {size} Tf 1 0 0 1 {x} {y} Tm <{shown}> Tj ET\n".encode()
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources"
            b" << /Font << /F 3 0 R >> /XObject << /I 7 0 R >> >> >>" % (number + 1)
        )
        objects[number + 1] = stream(drawn)
    objects[2] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), b" ".join(kids))
    out = bytearray(b"%PDF-1.7\n")
    places = {}
    for number in sorted(objects):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    begin, count = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count
    out += b"".join(b"%010d 00000 n \n" % places[number] for number in range(1, count))
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, begin)
    return bytes(out)


def stream(data: bytes, keys: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), keys, data)


def lines(*texts: str, top: int = 700) -> list[Line]:
    return [(50, top - 12 * number, 10, text) for number, text in enumerate(texts)]


def one(folder: Path, data: bytes) -> Document:
    (folder / "a.pdf").write_bytes(data)
    return read(folder).by_name["a.pdf"]


def test_text_and_pages(tmp_path: Path) -> None:
    first = [
        (50, 740, 20, "Title"),
        *lines("Grüße 你好 𝒳 end", "second exam-", "ple\0 and", "last"),
    ]
    found = one(tmp_path, pdf([[*first, *lines("Next one", "line", top=630)], [], lines("Three")]))
    assert found.text == (
        "Title\n\nGrüße 你好 𝒳 end\nsecond example and\nlast\n\nNext one\nline\n\n\n\nThree\n"
    )
    assert [found.text[at:].split("\n")[0] for at in found.pages] == ["Title", "", "Three"]
    assert bisect_right(found.pages, found.text.index("last")) == 1
    assert bisect_right(found.pages, found.text.index("Three")) == 3
    assert found.title == "a"
    assert found.metadata == {"folder": "", "format": "pdf"}


def test_outline_and_properties(tmp_path: Path) -> None:
    writer = PdfWriter(
        clone_from=io.BytesIO(
            pdf([lines("1. Intro", "text"), lines("Details of it", "more", "Details", "end")])
        )
    )
    top = writer.add_outline_item(title="Intro", page_number=0)
    writer.add_outline_item(title="Details", page_number=1, parent=top)
    writer.add_outline_item(title="Said  nowhere", page_number=1)
    writer.add_metadata(
        {
            "/Title": "Microsoft Word - Leave.docx",
            "/Author": "Ann",
            "/Subject": "Days",
            "/CreationDate": "D:20230101000000",
            "/ModDate": "D:20240203040506+01'00'",
        }
    )
    stream = io.BytesIO()
    writer.write(stream)
    found = one(tmp_path, stream.getvalue())
    assert found.title == "Leave"
    assert [(found.text[at:].split("\n")[0], *rest) for at, *rest in found.headings] == [
        ("1. Intro", 1, "Intro"),
        ("Details", 2, "Details"),
        ("Details", 1, "Said nowhere"),
    ]
    wanted = {"author": "Ann", "subject": "Days", "date": "2024-02-03"}
    assert found.metadata == {"folder": "", "format": "pdf", **wanted}


def test_what_the_text_states_comes_before_the_files_own_date(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf([lines("Effective: 2025-01-01", "text")])))
    writer.add_metadata({"/ModDate": "D:20260203"})
    stream = io.BytesIO()
    writer.write(stream)
    found = one(tmp_path, stream.getvalue())
    assert (found.metadata["date"], found.metadata["effective"]) == ("2025-01-01", "2025-01-01")


def encrypted(password: str) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(pdf([lines("text")])))
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def test_hostile_files_are_named(tmp_path: Path) -> None:
    good = pdf([lines("text")])
    ring = good.replace(b"/Kids [8 0 R]", b"/Kids [2 0 R]")
    files = {
        "cut": good[: len(good) // 3],
        "docx": b"PK\x03\x04" + bytes(100),
        "empty": b"",
        "head": b"%PDF-1.7\n",
        "locked": encrypted("secret"),
        "noise": b"%PDF-1.7\n" + random.Random(7).randbytes(20_000),
        "open": encrypted(""),
        "ring": ring,
        "scan": pdf([[], []], bytes(1000)),
        "text": b"only text",
    }
    for name, data in files.items():
        (tmp_path / f"{name}.pdf").write_bytes(data)
    found = read(tmp_path)
    assert list(found.by_name) == ["open.pdf"]
    reasons = dict(notice.split(".pdf: passed over, ") for notice in found.notices)
    assert {name: reason.split(" (")[0] for name, reason in reasons.items()} == {
        "cut": "it is damaged",
        "docx": "it is no PDF",
        "empty": "it is empty",
        "head": "it is damaged",
        "locked": "it is encrypted: save it without a password",
        "noise": "it is damaged",
        "ring": reasons["ring"],
        "scan": "its 2 pages hold no text, as in a scan: run OCR over it, such as ocrmypdf IN.pdf"
        " OUT.pdf",
        "text": "it is no PDF",
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5000), st.binary(max_size=40), st.booleans())
def test_damage_is_never_an_exception(
    tmp_path: Path, at: int, noise: bytes, truncated: bool
) -> None:
    data = pdf([lines("one"), lines("two")])
    at %= len(data)
    data = data[:at] if truncated else data[:at] + noise + data[at + len(noise) :]
    (tmp_path / "a.pdf").write_bytes(data)
    (tmp_path / "b.md").write_text("x")
    found = read(tmp_path)
    assert ("a.pdf" in found.by_name) != any(": passed over, " in n for n in found.notices)


def test_pages_that_are_pictures_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([lines("text"), [], lines("more")], bytes(1000)))
    found = read(tmp_path)
    assert found.notices == ("a.pdf: 1 of its 3 pages are pictures without text (page 2)",)
    assert found.by_name["a.pdf"].text == "text\n\n\n\nmore\n"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text("ab 你𝒳\0.", max_size=6), max_size=4), min_size=1, max_size=5))
def test_pages_are_in_order_and_in_the_text(tmp_path: Path, pages: list[list[str]]) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([lines(*page) for page in pages]))
    try:
        found = read(tmp_path).by_name["a.pdf"]
    except InputError:
        return
    assert len(found.pages) == len(pages)
    assert found.pages[0] == 0
    assert all(a < b for a, b in zip(found.pages, found.pages[1:], strict=False))
    assert found.pages[-1] < len(found.text)
    assert "\0" not in found.text


def test_threads_do_not_meet_in_pdfium(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([lines(f"page {n}") for n in range(50)]))
    prints: list[str] = []
    threads = [
        threading.Thread(target=lambda: prints.append(read(tmp_path).fingerprint)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prints) == 8
    assert len(set(prints)) == 1


MEASURE = """
import resource, sys
from pathlib import Path
from headway.knowledge.readers import pdf
pdf.read(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = pdf.read(Path(sys.argv[2]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * (1 if sys.platform == "darwin" else 1024), len(found.pages))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no peak memory to be asked for")
def test_a_large_file_is_read_page_by_page(tmp_path: Path) -> None:
    page = lines(*("The quick brown fox jumps over the lazy dog" for _ in range(50)))
    small, large = tmp_path / "small.pdf", tmp_path / "large.pdf"
    small.write_bytes(pdf([page]))
    large.write_bytes(pdf([page] * 600 + [[]], random.Random(7).randbytes(45_000_000)))
    assert large.stat().st_size > 50_000_000
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    peak, pages = map(int, done.stdout.split())
    assert pages == 601
    assert peak < 40_000_000
    assert time.monotonic() - begin < 30
