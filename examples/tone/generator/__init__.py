"""Parts of the tone task's generator."""
