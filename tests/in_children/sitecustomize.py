"""Sets how worker processes are started, in a program that a test runs; Python imports this by itself at its start."""

import multiprocessing
import os

multiprocessing.set_start_method(os.environ["TESTS_START_METHOD"])
