"""``python -m git_hybrid``."""

import sys

from git_hybrid.cli.main import main

sys.exit(main())
