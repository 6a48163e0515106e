"""The network, and checkpoints that carry all that is needed to use it."""
