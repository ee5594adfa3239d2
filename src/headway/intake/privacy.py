"""Personal data in a text, masked: `[EMAIL]` for an address, `[PHONE]` for a number.

By Presidio's recognisers (MIT licence; the extra `privacy`): patterns with checksums, and the
phone numbers of the countries named below. No language model is fetched or asked, so names of
people, street addresses and whatever else has no form of its own are not found. `MISSED` says so
wherever something was masked.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Any

from headway.core.errors import InputError

FINDS = (
    "email addresses, phone numbers, IBANs, card numbers, IP and MAC addresses, wallets, and the"
    " identity numbers of some countries"
)
MISSED = (
    "Not found by patterns: names of people, street addresses, customer numbers. Read what was"
    " taken before you commit it."
)
LEAST = 0.4  # Presidio's score of a phone number without any word beside it that says so
REGIONS = (
    *("US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "AT", "CH", "PL", "PT", "IE", "SE", "DK"),
    *("IN", "BR", "MX", "AU", "JP", "CN"),
)

# Recognisers by name -> the mask. Those that ask for eight figures without a checksum are left
# out: they would mask order numbers, dates and amounts.
_KINDS = {
    "Email": "EMAIL", "Iban": "IBAN", "CreditCard": "CARD", "Ip": "IP", "MacAddress": "MAC",
    "Crypto": "WALLET", "UsSsn": "ID", "UsItin": "ID", "UkNino": "ID", "DeTaxId": "ID",
    "EsNif": "ID", "EsNie": "ID", "ItFiscalCode": "ID", "PlPesel": "ID", "InAadhaar": "ID",
    "FiPersonalIdentityCode": "ID", "SePersonnummer": "ID", "Phone": "PHONE",
}  # fmt: skip
_DATE = re.compile(r"\s*(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})\b")


class Masker:
    """Masks texts, and counts what it masked. Raises InputError without the extra."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._recognisers = _recognisers()

    def mask(self, text: str) -> str:
        """The text with what was found replaced by its kind in brackets."""
        spans: list[tuple[int, int, str]] = []
        for recogniser, kind in self._recognisers:
            for found in recogniser.analyze(text, recogniser.supported_entities, None) or ():
                said = text[found.start : found.end]
                if found.score >= LEAST and not (kind == "PHONE" and _DATE.match(said)):
                    spans.append((found.start, found.end, kind))
        out, at = [], 0
        # Of two that overlap the one that begins first, and of those the longer.
        for start, end, kind in sorted(spans, key=lambda s: (s[0], -s[1])):
            if start < at:
                continue
            start += len(text[start:end]) - len(text[start:end].lstrip())
            out += [text[at:start], f"[{kind}]"]
            self.counts[kind.lower()] += 1
            at = end
        return "".join(out) + text[at:]

    def masked(self, value: Any) -> Any:
        """All texts inside plain data, masked; names of fields stay."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, list):
            return [self.masked(item) for item in value]
        if isinstance(value, dict):
            return {name: self.masked(item) for name, item in value.items()}
        return value


def _recognisers() -> list[tuple[Any, str]]:
    try:
        from presidio_analyzer import predefined_recognizers as known
    except ImportError:
        raise InputError(
            "masking personal data needs a package that is not installed, and nothing is copied"
            " from a log unmasked",
            valid="--unmasked, where the log holds no personal data, or was masked before",
            do="pip install 'headway[privacy]'",
        ) from None
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)

    class Email(known.EmailRecognizer):
        """Without the check of the domain's ending, which fetches a list from the internet."""

        def validate_result(self, pattern_text: str) -> bool | None:
            return None

    made: list[tuple[Any, str]] = []
    for name, kind in _KINDS.items():
        if name == "Email":
            made.append((Email(), kind))
        elif name == "Phone":
            made.append((known.PhoneRecognizer(supported_regions=REGIONS), kind))
        else:
            made.append((getattr(known, f"{name}Recognizer")(), kind))
    return made
