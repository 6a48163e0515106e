"""What a cache of many utterances costs where nothing is decoded: an update without a change, and reading by parts.

A corpus of empty files is made up, in VoxCeleb's folders or in one folder per speaker, and a cache that has all of it:
WAV files of the right size without content (sparse), named by made-up digests, and an index. Then, each in a process of
its own: `cli.py --update_cache` twice (the first brings the index into its final form), the list of speakers, one
speaker's utterances, and a walk through all entries. Prints JSON lines. Peak memory is that of the process tree, see
`peak_memory`.
"""

import argparse
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from measure import ROOT, progress, report, run, run_command

from cache.entries import audio_path, wav_size
from cache.index import INDEX, Utterance, index_line
from cache.mark import SETTINGS_DIGEST, write_mark

SPEAKERS = 6000  # as in VoxCeleb 2
IN_SESSION = 8  # utterances
SAMPLES = 40_000  # of each utterance, 5 s
READERS = {
    "speakers": "print(len(cache.speakers()))",
    "one_speaker": "print(len(cache.of_speaker(Speaker('corpus', 'id00007'))))",
    "walk": "print(sum(1 for part in cache.parts() for _ in part))",
}
READER = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
READER += "from pathlib import Path; from cache.utterances import UtteranceCache; "
READER += "from corpus.recording import Speaker; cache = UtteranceCache(Path(sys.argv[1])); "


def main() -> None:
    """Measure caches of several sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where corpora and caches are made; deleted at the end")
    parser.add_argument("--utterances", type=int, nargs="+", default=[10_000, 100_000, 1_100_000])
    parser.add_argument("--layout", choices=("voxceleb", "folders"), default="voxceleb")
    parser.add_argument("--keep", action="store_true", help="leave what was made, and use it the next time")
    args = parser.parse_args()
    for utterances in args.utterances:
        folder = args.folder / f"{args.layout}-{utterances}"
        if not folder.exists():
            progress(f"making {utterances} utterances")
            make(folder, args.layout, utterances)
        measure(folder, args.layout, utterances)
        if not args.keep:
            shutil.rmtree(folder)


def make(folder: Path, layout: str, utterances: int) -> None:
    """Make a corpus and its cache."""
    cache = folder / "cache"
    for number in range(256):
        audio_path(cache, f"{number:02x}").parent.mkdir(parents=True)
    write_mark(cache)
    with open(cache / INDEX, "w", encoding="ascii", newline="\n") as index:
        for number, (speaker, session, name) in enumerate(names(layout, utterances)):
            source = Path(speaker, session, f"{name}.wav")
            path = folder / "corpus" / source
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            digest = hashlib.sha256(str(number).encode()).hexdigest()
            wav = audio_path(cache, digest)
            wav.touch()
            os.truncate(wav, wav_size(SAMPLES))
            index.write(
                index_line(
                    Utterance(
                        corpus="corpus",
                        speaker=speaker,
                        utterance="/".join(filter(None, (session, name))),
                        session=session,
                        place=str(folder / "corpus"),
                        source=source.as_posix(),
                        start=None,
                        end=None,
                        size=0,
                        mtime_ns=path.stat().st_mtime_ns,
                        made_with=SETTINGS_DIGEST,
                        sha256=digest,
                        samples=SAMPLES,
                        leading_blank_ms=120.5,
                        trailing_blank_ms=90.25,
                    )
                )
            )


def names(layout: str, utterances: int) -> Iterator[tuple[str, str, str]]:
    """Speakers, sessions and names of files, in order; a session is empty where the layout has none."""
    for speaker in range(SPEAKERS):
        of_speaker = utterances * (speaker + 1) // SPEAKERS - utterances * speaker // SPEAKERS
        for number in range(of_speaker):
            if layout == "voxceleb":
                session = f"{number // IN_SESSION:03d}video{speaker:05d}"
                yield f"id{speaker:05d}", session, f"{number % IN_SESSION + 1:05d}"
            else:
                yield f"id{speaker:05d}", "", f"take{number:05d}"


def measure(folder: Path, layout: str, utterances: int) -> None:
    """Print what each process takes."""
    size = {"utterances": utterances, "layout": layout}
    flags = ("--audio_dir", folder / "corpus", "--cache_output_dir", folder / "cache")
    for what in ("first_update", "update_without_change"):
        report(what, **size, **run("cli.py", "--update_cache", *flags).figures())
    for what, code in READERS.items():
        report(what, **size, **run_command([sys.executable, "-c", READER + code, folder / "cache"]).figures())


if __name__ == "__main__":
    main()
