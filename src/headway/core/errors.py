"""Every error that a person may see, as one tree.

    HeadwayError                exit code
    ├── InputError              2   the task, a file or a flag is wrong
    │   └── MissingExtra        2   an optional part is not installed
    ├── ModelError              3   a model or service failed
    │   ├── Outage              3   it did not answer, after retries; never scored
    │   ├── Rejected            3   it answered: wrong key or request; retrying is no use
    │   └── TooLong             3   this one request does not fit the model; others may
    ├── BudgetEnded             4   the budget ended first
    └── GateFailed              1   everything ran, and a stated limit was not met

A message says what was found, where, what is valid and what to type, in that order.
"""

from __future__ import annotations


class HeadwayError(Exception):
    """Base of all: printed as its message, without a traceback."""

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        valid: str | None = None,
        do: str | None = None,
    ) -> None:
        self.what, self.where, self.valid, self.do = what, where, valid, do
        lines = [f"{where}: {what}" if where else what]
        if valid:
            lines.append(f"  valid: {valid}")
        if do:
            lines.append(f"  try:   {do}")
        super().__init__("\n".join(lines))


class InputError(HeadwayError):
    """The task, a file or a flag is wrong."""

    exit_code = 2


class MissingExtra(InputError):
    """A heavy part is an extra, and it is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs a package that is not installed",
            do=f"pip install 'headway[{extra}]'",
        )


class ModelError(HeadwayError):
    """A model or service failed."""

    exit_code = 3


class Outage(ModelError):
    """No usable reply after retries (unreachable, timeout, 429, 5xx): the example is unscored."""


class Rejected(ModelError):
    """The service says the request itself is wrong (401, 403, 404, 400). Retrying is no use."""


class TooLong(ModelError):
    """This one request does not fit (prompt over the context, 413): the example is `invalid`."""


class BudgetEnded(HeadwayError):
    """A call would exceed the budget; raised before the call is made."""

    exit_code = 4


class GateFailed(HeadwayError):
    """All ran; a stated limit was not met."""

    exit_code = 1
