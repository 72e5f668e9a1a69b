"""Trained networks applied to pictures of any size."""
