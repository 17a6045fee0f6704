"""How fast, how many, how much memory: the bench behind `python -m harness load`.

A server is started, thousands of clients in one small process connect to it, each figure is measured, and the server is
stopped. Servers take turns, run by run, so that a disturbance of the machine affects all of them; a ratio is computed
within one run.
"""
