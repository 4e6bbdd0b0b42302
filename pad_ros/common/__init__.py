"""Helpers that know nothing of inspection: files, tables, text in pictures, progress, named implementations.

In and out: paths, text, arrays.
"""
