"""Cached entries under the names that their corpora, speakers and utterances have now."""

from collections.abc import Collection, Iterable, Mapping

from cache.corpora import Settled
from cache.index import Utterance
from cache.mark import CacheError
from corpus.listing import Listing
from corpus.recording import Key, Recording
from storage.counting import counted
from storage.existence import is_gone

LABELS = 6  # first fields of recordings and entries: corpus, speaker, utterance, session, place, source


def relabelled(utterances: Mapping[Key, Utterance], settled: Settled, listing: Listing) -> dict[Key, Utterance]:
    """Give entries the names that corpora, speakers and utterances have now.

    One recording is one entry: if it was cached under other names, that entry has the new ones from now on.

    Raises:
        CacheError: recordings would have another speaker, and it was not the user who says so; or the name of a
            recording that is another one.
    """
    entries = _at_new_places(utterances.values(), settled)
    by_origin = {entry.origin: entry for entry in entries.values()}
    cached = ((recording, by_origin.get(recording.origin)) for recording in settled.recordings)
    renamed = [
        (recording, entry) for recording, entry in cached if entry is not None and entry[:LABELS] != recording[:LABELS]
    ]
    if not (listing.speakers_stated or listing.is_named):
        _refuse_other_speakers(renamed)
    for _, entry in renamed:
        entries.pop(entry.key, None)
    _refuse_taken_names(entries, settled.recordings, listing)
    entries.update((recording.key, _labelled_as(recording, entry)) for recording, entry in renamed)
    return entries


def _at_new_places(utterances: Iterable[Utterance], settled: Settled) -> dict[Key, Utterance]:
    entries: dict[Key, Utterance] = {}
    for utterance in utterances:
        entry = _at_new_place(utterance, settled)
        if (other := entries.setdefault(entry.key, entry)) is not entry:
            raise CacheError(
                f"{utterance.path} has moved, and would be called {'/'.join(entry.key)} as {other.path} is; give its "
                "corpus another name with --corpus"
            )
    return entries


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


def _refuse_taken_names(entries: Mapping[Key, Utterance], recordings: Iterable[Recording], listing: Listing) -> None:
    """An entry gives way to another recording of its name only if its own is gone from where it was looked for."""
    for recording in recordings:
        entry = entries.get(recording.key)
        if entry is None or entry.origin == recording.origin:
            continue
        is_replaced = is_gone(entry.path) and (entry.place == recording.place or listing.could_see(entry.path))
        if not is_replaced:
            raise CacheError(
                f"{'/'.join(recording.key)} is cached from {entry.path}, and {recording.path} would have the same "
                "name; give one of them another, or the corpus, with --corpus"
            )
