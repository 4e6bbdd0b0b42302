"""How many threads matrix products use."""

import os


def single_threaded_products() -> None:
    """Lets NumPy's use one, unless the user's environment says otherwise; takes effect before NumPy's first use.

    An inspection's are small: another thread wins some milliseconds where the cores are idle, and where they are not,
    OpenBLAS waits for it several times as long as the product takes.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
