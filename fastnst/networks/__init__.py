"""The transform networks and the loss network."""
