"""`python -m shallowdive` is the command line."""

import sys

from shallowdive.cli import main

sys.exit(main())
