"""`python -m tfmmrec`, the command line where no console script is installed."""

import sys

from tfmmrec.cli import main

sys.exit(main())
