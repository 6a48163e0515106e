"""The cache, and the training inputs that are made of it."""

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import sample

import entry_point
from batcher.inputs import InputsError, load_inputs, read_ends
from batcher.inputs_file import InputsHeader
from batcher.selection import is_stale
from batcher.splits import VCTK_TEST_SPEAKERS
from cache.entries import audio_path, is_whole, read_signal
from cache.index import INDEX, Utterance
from cache.mark import CacheError, CacheMark, check_ownership
from cache.parts import Index
from cache.utterances import INPUTS_NAME, UtteranceCache, refuse_links
from commands.arguments import cache_dir
from commands.doctor.command_lines import in_turn, line, own
from commands.doctor.findings import FAULT, OK, WARNING, Finding
from corpus.kaldi import FILES
from storage.counting import counted
from storage.errors import UserError, first_few
from storage.lock import writer_in

HASHING_SECONDS = 0.7  # in which as many files as can be are compared with their digests
MOST_IN_PART = 8  # files of a part of a large index, so that several parts are looked at
MOST_DELETED = 1000  # files in a command, which a shell still takes
SHOWN = 3  # places in a message
READ_WHOLE = 1 << 25  # bytes of inputs that are read in half a second; of larger ones, the ends are


def check_cache(args: argparse.Namespace) -> Iterator[Finding]:
    """Whether there is a cache, of ours and of this version, that nobody writes to, and whose entries are whole."""
    folder = cache_dir(args).absolute()
    try:
        mark = check_ownership(folder)
    except CacheError as error:
        other = _free_name(folder)
        yield Finding("cache", FAULT, str(error), _filled(args, other))
        return
    if mark is None:
        message = f"none in {folder} yet; recordings of your own need none"
        yield Finding("cache", WARNING, message, _filled(args, folder))
        return
    if not mark.is_current:
        message = f"{folder} was made by an earlier version of this tool, in format {mark.format}"
        yield Finding("cache", FAULT, message, _made_again(args, folder, mark))
        return
    yield from _check_lock(folder)
    try:
        refuse_links(folder)
    except CacheError as error:
        yield Finding("cache", FAULT, str(error), _filled(args, _free_name(folder)))
        return
    yield from _check_entries(args, folder)


def _free_name(folder: Path) -> Path:
    """A name beside a folder that stands for nothing yet."""
    name, number = folder.with_name(f"{folder.name}-cache"), 1
    while name.exists() or name.is_symlink():
        number += 1
        name = folder.with_name(f"{folder.name}-cache-{number}")
    return name


def _filled(args: argparse.Namespace, folder: Path) -> str | None:
    """The line that fills a cache with the corpus that was named, else with the samples; None without either."""
    corpus = None
    with suppress(UserError):
        corpus = entry_point.named_audio_dir(args.audio_dir)
    corpus = entry_point.SAMPLES if corpus is None or not corpus.is_dir() else corpus.absolute()
    return _update(corpus, folder) if corpus.is_dir() else None


def _update(place: Path, folder: Path, *more: str) -> str:
    flag = "--manifest" if _is_manifest(place) else "--audio_dir"
    return own("--update_cache", flag, place, "--cache_output_dir", folder, *more)


def _is_manifest(place: Path) -> bool:
    return place.is_file() or (place / FILES).is_file()


def _made_again(args: argparse.Namespace, folder: Path, mark: CacheMark) -> str | None:
    roots = [Path(root) for root in mark.filled_from if _is_there(root)]
    sure = ("--yes",) if len(mark.filled_from) > 1 else ()  # each by itself would lose what is of the others
    return in_turn(*(_update(root, folder, *sure) for root in roots)) if roots else _filled(args, folder)


def _is_there(place: str) -> bool:
    try:
        return Path(place).is_absolute() and Path(place).exists()
    except (OSError, ValueError):
        return False


def _check_lock(folder: Path) -> Iterator[Finding]:
    try:
        writer = writer_in(folder)
    except UserError as error:  # something else stands there
        lock = folder / ".lock"
        yield Finding("cache", FAULT, str(error), line("mv", lock, lock.with_name(".lock.moved")))
        return
    if writer is not None:
        yield Finding("cache", WARNING, f"{folder} is in use by {writer}; other commands wait until it has finished")


def _check_entries(args: argparse.Namespace, folder: Path) -> Iterator[Finding]:
    index = Index(folder)
    summary = index.summary
    if summary.damaged:
        message = (
            f"{counted(summary.damaged, 'line')} of {folder / INDEX} can't be read, and what they named is done again"
        )
        places = sorted({place for place, _ in summary.places})
        yield Finding("cache", WARNING, message, _again(places, folder) or _filled(args, folder))
    if not summary.count:
        yield Finding("cache", WARNING, f"no utterances in {folder} yet", _filled(args, folder))
        return
    everything = counted(summary.count, "utterance")
    if summary.outdated:
        message = f"{summary.outdated.total()} of {everything} in {folder} made with other settings"
        yield _to_do_again(message, sorted(summary.outdated), folder)
    missing = Counter(
        entry.place for part in index.parts() for entry in part.entries.values() if not is_whole(folder, entry)
    )
    if missing:
        message = f"the WAV files of {missing.total()} of {everything} are gone or cut short"
        yield _to_do_again(message, sorted(missing), folder)
    looked_at, damaged = _compare_with_digests(folder, index)
    if damaged:
        message = f"{len(damaged)} of {counted(looked_at, 'WAV file')} whose content was looked at are damaged"
        files = [audio_path(folder, utterance.sha256) for utterance in damaged]
        yield _to_do_again(message, sorted({utterance.place for utterance in damaged}), folder, files)
    if not missing and not damaged:
        how = "every file's content as it was written"
        if looked_at < summary.count:
            how = f"all files of the right size, {looked_at} taken at random with the content as it was written"
        message = f"{everything} of {counted(len(summary.speakers), 'speaker')} in {folder}; {how}"
        yield Finding("cache", OK, message)


def _compare_with_digests(folder: Path, index: Index) -> tuple[int, list[Utterance]]:
    """Compare files with the digests that name them, in any order, until the time is over.

    Returns:
        how many were looked at, and the utterances whose files are damaged.
    """
    damaged, looked_at, end = [], 0, time.monotonic() + HASHING_SECONDS
    for number in sample(index.numbers, len(index.numbers)):
        whole = [entry for entry in index.part(number).entries.values() if is_whole(folder, entry)]
        for utterance in sample(whole, min(len(whole), MOST_IN_PART if index.has_parts else len(whole))):
            try:
                read_signal(folder, utterance)
            except (CacheError, OSError, RuntimeError):  # RuntimeError: libsndfile's
                damaged.append(utterance)
            looked_at += 1
            if time.monotonic() > end:
                return looked_at, damaged
    return looked_at, damaged


def _to_do_again(message: str, places: Sequence[str], folder: Path, files: Sequence[Path] = ()) -> Finding:
    """A fault that goes away when what is of these places is made again, once some files are deleted."""
    command = _again(places, folder)
    if command is None:
        gone = f"; their recordings are not there to make them again: {first_few(places, SHOWN)}"
        return Finding("cache", FAULT, message + gone)
    if files:
        command = in_turn(line("rm", "--", *files[:MOST_DELETED]), command)
    return Finding("cache", FAULT, message, command)


def _again(places: Iterable[str], folder: Path) -> str | None:
    there = [place for place in places if _is_there(place)]
    return in_turn(*(_update(Path(place), folder) for place in there)) if there else None


def check_inputs(args: argparse.Namespace) -> Iterator[Finding]:
    """Whether there are training inputs, whole, and of what the cache holds now."""
    folder = cache_dir(args).absolute()
    path = folder / INPUTS_NAME
    cache = UtteranceCache(folder)
    if not path.exists():
        make = _generate(cache, VCTK_TEST_SPEAKERS) if len(cache) else None
        yield Finding("inputs", WARNING, f"none at {path} yet; training needs them", make)
        return
    try:
        header, how = _read_inputs(path)
    except InputsError as error:
        make = _generate(cache, VCTK_TEST_SPEAKERS) if len(cache) else None
        away = line("mv", path, path.with_name(f"{path.name}.damaged"))
        yield Finding("inputs", FAULT, str(error), in_turn(away, make) if make else away)
        return
    if is_stale(header, folder):
        message = f"{path} was made of other recordings than the cache holds now"
        yield Finding("inputs", WARNING, message, _generate(cache, header.held_out, header))
        return
    utterances, speakers = counted(header.utterances, "utterance"), counted(len(header.speakers), "speaker")
    yield Finding("inputs", OK, f"{utterances} of {speakers}, {len(header.held_out)} held out; {how}")


def _read_inputs(path: Path) -> tuple[InputsHeader, str]:
    """Read inputs, whole if they are small; what was read of them."""
    header = read_ends(path)
    if header.shards:
        return header, f"in {counted(header.shards, 'shard')}, all of the right size"
    if path.stat().st_size > READ_WHOLE:
        return header, "its beginning and its end were read"
    load_inputs(path)
    return header, "read whole"


def _generate(cache: UtteranceCache, held_out: Sequence[str], header: InputsHeader | None = None) -> str:
    """The line that makes inputs, with those speakers held out whom the cache has, and the settings of a header."""
    settings: list[str] = []
    if header is not None:
        features = header.features
        settings = ["--num_cepstra", str(features.num_cepstra), "--num_filters", str(features.num_filters)]
        settings += ["--disturbed_copies", str(header.copies), "--seed", str(features.dither_seed)]
    known = {name for speaker in cache.speakers() for name in (speaker.name, str(speaker))}
    kept = [name for name in held_out if name in known and "," not in name]
    if kept and sorted(held_out) != sorted(VCTK_TEST_SPEAKERS):
        settings += ["--test_speakers", ",".join(kept)]
    return own("--generate_training_inputs", "--cache_output_dir", cache.folder, *settings)
