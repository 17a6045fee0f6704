"""What was observed in a run, and everything that is read out of it. Pure."""
