"""The one base class that entry points turn into a line on stderr and exit status 2."""


class UserError(Exception):
    """What was asked for can't be done; the message says what was expected, what was found and what to do."""
