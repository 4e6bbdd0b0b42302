"""Visual inspection of parts in unknown pose: localise, render, separate, compare, decide."""

__version__ = "0.1.0"
