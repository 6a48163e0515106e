"""What Resemblyzer makes of a cache's recordings: for `train_cli.py --teacher`, and to compare with.

    python benchmarks/resemblyzer_teacher.py CACHE OUTPUT --resemblyzer PYTHON [--held_out FILE ...]

`--resemblyzer` names the Python of an environment with Resemblyzer (PyPI, with PyTorch for the CPU). It embeds each
recording as its README says, `embed_utterance(preprocess_wav(file))`. OUTPUT, an .npz file, has the names of the
utterances, `corpus/speaker/utterance`, the SHA-256 of what they say, and their embeddings; those of the speakers in
`--held_out` are not in it. What an earlier run put there is not made again.
"""

import argparse
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

import numpy as np
from measure import progress

from cache.index import Utterance
from cache.utterances import UtteranceCache
from corpus.speakers import check_speakers, read_speakers_file, speakers_named
from storage.npz import write_npz

AT_ONCE = 500  # recordings, after which what is done is kept
RESEMBLYZER = """
import sys
import numpy, torch
torch.set_num_threads(1)
from resemblyzer import VoiceEncoder, preprocess_wav
encoder = VoiceEncoder("cpu", verbose=False)
embedded = [encoder.embed_utterance(preprocess_wav(line.rstrip("\\n"))) for line in sys.stdin]
numpy.save(sys.argv[1], numpy.array(embedded, numpy.float32))
"""


def main() -> None:
    """Embed what is not held out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("cache", type=Path, help="a folder that cli.py --update_cache filled; the recordings must be there")
    flag("output", type=Path)
    flag("--resemblyzer", metavar="PYTHON", required=True, help="of an environment that has it")
    flag("--held_out", nargs="+", type=Path, default=[], metavar="FILE", help="speakers to leave out, one a line")
    args = parser.parse_args()
    cache = UtteranceCache.open(args.cache)
    speakers = cache.speakers()
    names = tuple(chain.from_iterable(read_speakers_file(file, speakers) for file in args.held_out))
    check_speakers(names, speakers)
    held_out = speakers_named(names, speakers)
    utterances = [one for _, one in sorted(cache.utterances.items()) if one.whose not in held_out]
    embeddings = resemblyzer(args.resemblyzer, utterances, args.output)
    progress(f"{args.output}: {len(embeddings)} embeddings")


def resemblyzer(python: str, utterances: list[Utterance], kept: Path | None) -> dict[str, np.ndarray]:
    """Resemblyzer's embeddings of whole files, (256,), by `name_of`; those that were kept are not made again."""
    if parts := [one for one in utterances if (one.start, one.end) != (None, None)]:
        sys.exit(f"expected utterances that are files of their own. Received a part of {parts[0].path}")
    known = read_kept(kept) if kept is not None and kept.is_file() else {}
    missing = [one for one in utterances if one.sha256 not in known]
    for start in range(0, len(missing), AT_ONCE):
        progress(f"{len(missing) - start} recordings left for Resemblyzer")
        some = missing[start : start + AT_ONCE]
        made = embedded(python, [str(one.path) for one in some])
        known.update(zip([one.sha256 for one in some], made))
        if kept is not None:
            keep(kept, [one for one in utterances if one.sha256 in known], known)
    if kept is not None and not missing:  # others may have been asked for, or by other names
        keep(kept, utterances, known)
    return {name_of(one): known[one.sha256] for one in utterances}


def name_of(utterance: Utterance) -> str:
    """As training inputs name it."""
    return f"{utterance.whose}/{utterance.utterance}"


def read_kept(path: Path) -> dict[str, np.ndarray]:
    """Embeddings of an earlier run, by the SHA-256 of what is said."""
    with np.load(path, allow_pickle=False) as content:
        if "sha256" not in content.files:  # of an earlier version
            return {}
        return dict(zip(content["sha256"].tolist(), content["embeddings"]))


def keep(path: Path, utterances: list[Utterance], known: dict[str, np.ndarray]) -> None:
    """Save the utterances' embeddings, as `training.teacher` and `read_kept` read them."""
    arrays = {
        "utterances": np.array([name_of(one) for one in utterances]),
        "sha256": np.array([one.sha256 for one in utterances]),
        "embeddings": np.stack([known[one.sha256] for one in utterances]),
    }
    write_npz(path, arrays)


def embedded(python: str, paths: list[str]) -> np.ndarray:
    """Resemblyzer's embeddings, (files, 256) float32."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "embeddings.npy")
        given = "".join(f"{path}\n" for path in paths)
        subprocess.run([python, "-W", "ignore", "-c", RESEMBLYZER, str(made)], input=given, text=True, check=True)
        return np.load(made)


if __name__ == "__main__":
    main()
