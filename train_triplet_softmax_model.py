#!/usr/bin/env python3
"""The first release's name for train_cli.py."""

import sys

from train_cli import main

if __name__ == "__main__":
    sys.exit(main())
