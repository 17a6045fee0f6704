"""How fast, how many, how much memory: the bench behind `python -m harness load`.

A server is started, thousands of clients from one cheap process are connected to it, each figure is measured, and the
server is stopped. Servers take turns, run by run, so that a noisy moment of the machine meets them all; a ratio is
taken within one run.
"""
