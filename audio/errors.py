"""The error of a recording that can't be used."""


class UnusableAudioError(ValueError):
    """The file can't serve as an utterance; the message is the reason, fit for a list of skipped files."""
