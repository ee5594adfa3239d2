"""How commands end: every error as a sentence and an exit code, a traceback only in a file.

0 done, 1 a gate failed, 2 the input is wrong, 3 a model or service failed,
4 the budget ended first, 70 a bug in Headway, 130 interrupted
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from headway.core.errors import HeadwayError, InputError
from headway.report.words import visible

BUG, INTERRUPTED = 70, 130
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}
TASK = "headway.task"  # where a command leaves its task folder in click's context


class Guarded(click.Group):
    """A group whose commands end as above. Click itself ends usage errors, with exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are used, not the alphabet's."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what went wrong."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a narrow terminal encoding is no error
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort):
            click.echo(
                "\nStopped. What was measured is kept: the same command goes on from here.",
                err=True,
            )
            ctx.exit(INTERRUPTED)
        except Exception as error:
            known = _known(error)
            if known is not None:
                click.echo(visible(str(known)), err=True)
                ctx.exit(known.exit_code)
            file = _write_traceback(error, ctx.meta.get(TASK))
            told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            click.echo(f"This is a bug in Headway ({told}). The traceback is in {file}", err=True)
            ctx.exit(BUG)


def _known(error: BaseException) -> HeadwayError | None:
    """The HeadwayError that this is, or that a group of errors holds first; of other errors those
    that say something of the disk, not of us."""
    if isinstance(error, HeadwayError):
        return error
    # Libraries below Python raise errors of their own, with the system's words inside.
    if getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error):
        return HeadwayError(
            "the disk is full; what was measured so far is kept",
            where=getattr(error, "filename", None),
            do="make room, then run the same command again: it goes on from here",
        )
    if isinstance(error, OSError) and error.errno in CLOSED and error.filename:
        return InputError(
            f"may not be written or read: {os.strerror(error.errno)}",
            where=str(error.filename),
            do="change its permissions, or name another place",
        )
    if isinstance(error, BaseExceptionGroup):
        return next((found for e in error.exceptions if (found := _known(e))), None)
    return None


def _write_traceback(error: BaseException, task: Path | None) -> Path:
    """Into the task's `.headway/` where there is a task, else among temporary files."""
    text = "".join(traceback.format_exception(error))
    name = f"traceback-{datetime.now():%Y%m%d-%H%M%S}.txt"
    try:
        if task is not None and (task / "task.yaml").is_file():
            (task / ".headway").mkdir(exist_ok=True)
            file = task / ".headway" / name
            file.write_text(text, encoding="utf-8")
            return file
    except OSError:
        pass  # a folder that cannot be written to must not hide the bug
    with tempfile.NamedTemporaryFile(
        "w", prefix="headway-", suffix=".txt", delete=False, encoding="utf-8"
    ) as stream:
        stream.write(text)
    return Path(stream.name)
