"""Our own records on disk: replies, records, runs, journeys. The only SQL of ours."""

from headway.store.store import Store

__all__ = ["Store"]
