"""`python -m pad_ros.cli`: the `pad` command where its script is not on the path."""

import sys

from pad_ros.cli import main

sys.exit(main())
