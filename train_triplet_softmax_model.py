#!/usr/bin/env python3
"""The first release's name for train_cli.py."""

if __name__ == "__main__":  # before all that takes time to load
    from storage.interrupt import exit_quietly

    exit_quietly()

import sys

from train_cli import main

if __name__ == "__main__":
    sys.exit(main())
