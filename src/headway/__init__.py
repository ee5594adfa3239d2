"""Headway: from a first prompt to a measured best."""

__version__ = "0.1.0"
