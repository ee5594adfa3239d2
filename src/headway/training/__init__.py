"""What is trained from `train`: adapters of a chat model, and light parts beside a frozen one.

A trainer is one file and one line in the table below: its name and a class with the contract
`Trainer` (headway.core.training), made without arguments. Outside packages join by the entry point
group `headway.trainers`, and pass the checks in headway.testing.training.
"""

from __future__ import annotations

from headway.core.catalogue import Family
from headway.core.training import Trainer

TRAINERS = Family(
    "trainer",
    {
        "lora": "headway.training.lora:LoraTrainer",
        "command": "headway.training.command:CommandTrainer",
    },
)

__all__ = ["TRAINERS", "open_trainer"]


def open_trainer(name: str, where: str | None = None) -> Trainer:
    """The trainer of that name. Raises InputError for one that is not known."""
    trainer: Trainer = TRAINERS.load(name, where)()
    return trainer
