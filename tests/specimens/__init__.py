"""Servers broken on purpose: the healthy server plus one fault each, or somebody else's.

Each module has `app`, the clauses that it must fail (`FAILS`), and the scenario in which it is caught (`SCENARIO`). One
whose fault is easily missed says why (`SUBTLE`, in the words of `recordings.specimen.Subtle`), and one that no judge
noticed before says so (`MISSED_BEFORE`). A clause counts as checked only because one of these is caught by it. Faults
that are put into the record of a real run are in `recordings`; README.md lists all.
"""
