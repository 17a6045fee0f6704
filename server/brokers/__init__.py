"""Brokers: give each message its place in one sequence and bring it to every process that serves clients."""
