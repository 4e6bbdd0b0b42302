"""Shows the operator what the line says (verdicts, pictures, rejects on the twin, faults), and does what is pressed.

In: what the nodes say, as plain values (`state.py`). Out: a page on HTTP (`page.py`), and calls of the nodes' services.
"""
