"""Parts of the tickets task's generator."""
