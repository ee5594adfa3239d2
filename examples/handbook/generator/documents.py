"""All documents, by path: importing the modules that write them fills the table."""

from . import people_money, people_place, people_time, service_machines, service_rules
from .text import DOCUMENTS, sentence

__all__ = [
    "DOCUMENTS",
    "people_money",
    "people_place",
    "people_time",
    "sentence",
    "service_machines",
    "service_rules",
]
