"""What was observed in a run, and everything that is derived from it. Pure."""
