"""Servers, and descriptions of servers, that the harness is pointed at."""
