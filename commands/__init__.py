"""What each action of cli.py does: one function an action, which takes the parsed arguments and prints the outcome."""
