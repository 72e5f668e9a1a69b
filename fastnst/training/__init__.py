"""Training steps, callbacks and the work directory."""
