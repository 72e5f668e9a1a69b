"""Trained networks that ship with the package, and their cards."""
