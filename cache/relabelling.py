"""Cached entries under the names that their corpora, speakers and utterances have now."""

from collections.abc import Collection, Iterable
from operator import attrgetter

from cache.corpora import Settled
from cache.index import Utterance
from cache.mark import CacheError
from cache.parts import Changes, Index
from cache.survey import Survey, among
from corpus.listing import Listing
from corpus.recording import Recording
from storage.counting import counted
from storage.existence import is_gone

LABELS = 6  # first fields of recordings and entries: corpus, speaker, utterance, session, place, source


def moved(index: Index, settled: Settled) -> Changes:
    """What becomes of the entries of corpora that have moved.

    Raises:
        CacheError: one of them would have the name of another entry.
    """
    if not settled.moves:
        return {}
    changes: Changes = {}
    for part in index.parts():
        for key, entry in part.entries.items():
            if entry.place in settled.moves:
                changes.setdefault(key, None)
                there = _at_new_place(entry, settled)
                if (namesake := changes.get(there.key)) is not None:
                    raise _would_clash(there, namesake)
                changes[there.key] = there
    for part in index.parts():
        for key, other in part.entries.items():
            if other.place not in settled.moves and (taking := changes.get(key)) is not None:
                raise _would_clash(taking, other)
    return changes


def _would_clash(entry: Utterance, other: Utterance) -> CacheError:
    return CacheError(
        f"{entry.path} has moved, and would be called {'/'.join(entry.key)} as {other.path} is; give its "
        "corpus another name with --corpus"
    )


def renamed(index: Index, found: Survey, listing: Listing) -> Changes:
    """What becomes of the entries whose recordings have other names of corpora, speakers or utterances now.

    One recording is one entry: if it was cached under other names, that entry has the new ones from now on.

    Args:
        index: what is cached, with the moved entries where they are now.
        found: what a look at that and at the recordings shows.

    Raises:
        CacheError: recordings would have another speaker, and it was not the user who says so; or the name of a
            recording that is another one.
    """
    by_origin = {
        entry.origin: entry
        for part in (index.parts() if len(found.strange) and index.summary.count else ())
        for entry in among(part.entries.values(), attrgetter("origin"), found.strange)
    }
    cached = ((recording, by_origin.get(recording.origin)) for recording in (found.due if by_origin else ()))
    pairs = [
        (recording, entry) for recording, entry in cached if entry is not None and entry[:LABELS] != recording[:LABELS]
    ]
    if not (listing.speakers_stated or listing.is_named):
        _refuse_other_speakers(pairs)
    changes: Changes = {entry.key: None for _, entry in pairs}
    _refuse_taken_names([clash for clash in found.clashing if clash[1].key not in changes], listing)
    changes.update((recording.key, _labelled_as(recording, entry)) for recording, entry in pairs)
    return changes


def _at_new_place(entry: Utterance, settled: Settled) -> Utterance:
    if entry.place not in settled.moves:
        return entry
    place = settled.moves[entry.place]
    return entry._replace(place=place, corpus=settled.names[place])


def _labelled_as(recording: Recording, entry: Utterance) -> Utterance:
    return entry._replace(
        corpus=recording.corpus,
        speaker=recording.speaker,
        utterance=recording.utterance,
        session=recording.session,
        place=recording.place,
        source=recording.source,
    )


def _refuse_other_speakers(renamed: Collection[tuple[Recording, Utterance]]) -> None:
    others = [(recording, entry) for recording, entry in renamed if recording[:2] != entry[:2]]
    if others:
        recording, entry = others[0]
        verb, noun = ("is", "another speaker") if len(others) == 1 else ("are", "other speakers")
        raise CacheError(
            f"{counted(len(others), 'recording')} {verb} cached as of {noun}: {recording.path} as of {entry.whose}, "
            f"and it now seems to be of {recording.corpus}/{recording.speaker}. Name the folder as before, or say who "
            "speaks by --speaker_from"
        )


def _refuse_taken_names(clashing: Iterable[tuple[Recording, Utterance]], listing: Listing) -> None:
    """An entry gives way to another recording of its name only if its own is gone from where it was looked for."""
    for recording, entry in clashing:
        is_replaced = is_gone(entry.path) and (entry.place == recording.place or listing.could_see(entry.path))
        if not is_replaced:
            raise CacheError(
                f"{'/'.join(recording.key)} is cached from {entry.path}, and {recording.path} would have the same "
                "name; give one of them another, or the corpus, with --corpus"
            )
