"""Why a recording can't be used."""


class UnusableAudioError(ValueError):
    """The file can't serve as an utterance; the message is the reason, fit for a list of skipped files."""
