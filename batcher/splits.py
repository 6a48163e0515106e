"""Which of a speaker's utterances train, and which test; and which speakers are held out by default."""

from collections.abc import Sequence

from cache.index import Utterance

VCTK_TEST_SPEAKERS = ("p362", "p363", "p364", "p374", "p376")  # v1's, never in training
TRAIN_SHARE = 0.8  # of a speaker's utterances, the first in order of name, as in v1
FEWEST_TO_SPLIT = 5  # utterances; a speaker with fewer trains with all of them
UTTERANCE, SESSION = "utterance", "session"  # what is not torn apart
SPLITS = (UTTERANCE, SESSION)
TRAIN, TEST = SIDES = "train", "test"


def train_count(utterances: int) -> int:
    """How many of a speaker's utterances train, rounded to the nearest; the others, which come last, test."""
    return utterances if utterances < FEWEST_TO_SPLIT else round(TRAIN_SHARE * utterances)


def sides(utterances: Sequence[Utterance], split_by: str) -> list[str]:
    """The side of each of a speaker's utterances, "train" or "test".

    Args:
        utterances: in order of name.
        split_by: one of `SPLITS`. By session, all of a session is on one side: the last sessions test, as many of them
            as come nearest to a fifth of the utterances; a speaker with a single one trains with it.
    """
    if split_by == UTTERANCE:
        train = train_count(len(utterances))
        return [TRAIN] * train + [TEST] * (len(utterances) - train)
    sessions = sorted({utterance.session for utterance in utterances})
    training = set(sessions[: _train_sessions([_count(utterances, session) for session in sessions])])
    return [TRAIN if utterance.session in training else TEST for utterance in utterances]


def _count(utterances: Sequence[Utterance], session: str) -> int:
    return sum(utterance.session == session for utterance in utterances)


def _train_sessions(sizes: list[int]) -> int:
    """How many of the first sessions train, given the utterances in each; at least one, and not all of several."""
    wanted = TRAIN_SHARE * sum(sizes)
    return min(range(1, max(len(sizes), 2)), key=lambda count: abs(sum(sizes[:count]) - wanted))
