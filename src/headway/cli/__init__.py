"""The command line: parse, call the workspace, show. Nothing is measured or decided here."""

from headway.cli.commands import main

__all__ = ["main"]
