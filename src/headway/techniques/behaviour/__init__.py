"""Techniques that change how the model acts."""
