"""Servers broken on purpose: the healthy server plus one fault each, or somebody else's.

Each module has `app`, the clauses that it must fail (`FAILS`), and the scenario in which it is caught (`SCENARIO`).
A clause counts as checked only because one of these is caught by it.
"""
