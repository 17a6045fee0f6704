"""What is done to a target besides load: one fault, one file, one context manager that is read as a sentence.

A fault that can be undone is undone on leaving. Each records in the history what it does, at the moment it does it.
"""
