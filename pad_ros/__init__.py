"""Visual inspection of parts in unknown pose: localise, render, separate, compare, decide."""

from pkgutil import extend_path

__version__ = "0.1.0"

# The generated messages (pad_ros.msg) lie in the installed half of the package. When Python starts in the source
# checkout it finds this half first; this line joins the two.
__path__ = extend_path(__path__, __name__)
