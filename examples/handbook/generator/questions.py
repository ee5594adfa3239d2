"""All examples, in order: importing the modules that ask fills the list."""

from . import questions_both, questions_people, questions_service, questions_tables
from .ask import ABSENT_TERMS, EXAMPLES

__all__ = [
    "ABSENT_TERMS",
    "EXAMPLES",
    "questions_both",
    "questions_people",
    "questions_service",
    "questions_tables",
]
