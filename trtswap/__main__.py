"""`python -m trtswap` is the command `trtswap`."""

from __future__ import annotations

import sys

from trtswap.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
