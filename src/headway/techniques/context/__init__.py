"""Techniques that change what the model gets to know."""
