"""The report of a journey: one self-contained HTML file, and the words of its figures."""

from headway.report.page import render

__all__ = ["render"]
