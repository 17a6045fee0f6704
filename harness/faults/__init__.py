"""What the harness does to a target besides load: one fault a file, most of them a context manager named as a phrase.

A fault that can be undone is undone on leaving. Each fault records in the history what it does, when it does it.
"""
