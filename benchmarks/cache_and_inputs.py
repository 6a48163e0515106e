"""What the utterance cache and the training inputs cost, beside bare decoding and resampling, and beside v1.

    python benchmarks/cache_and_inputs.py CORPUS [--workers 2] [--repeats 3] [--v1_cuts 100]

JSON lines: `decode_and_resample`, plain (soundfile.read and soxr.resample, mapped over the files by a
multiprocessing.Pool, one after the other, times added up) and tuned (the same two calls, by the tool's own
`parallel_map`); `cache` and `inputs` (the real commands, start of the interpreter included); `v1`, on one speaker.

All but v1 take turns, `--repeats` times. Times are those of the quickest turn, the median is beside it; peaks are the
highest. The corpus is in the page cache after the first turn, if it fits. What is written goes to $TMPDIR.
"""

import argparse
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import soundfile
import v1_procedure
from bare_decoding import decode, plain_map, resample, tuned_map
from measure import Cost, best, cores, progress, report, run, timed

from audio.decode import SAMPLE_RATE
from cache.utterances import INPUTS_NAME, UtteranceCache
from corpus.discovery import find_recordings
from corpus.recording import Recording

SETUPS = {"plain": plain_map, "tuned": tuned_map}
VCTK_UTTERANCES = 400  # of a speaker, about; v1's inputs cost the same however many there are

Costs = dict[str, list[Cost]]  # of each turn, by what was done


@dataclass(frozen=True)
class Corpus:
    """The recordings to measure on."""

    root: Path
    recordings: list[Recording]
    lengths: list[tuple[int, int]]  # samples and rate in Hz of each

    @classmethod
    def open(cls, root: Path) -> "Corpus":
        """Find them and read their headers."""
        recordings = find_recordings(root).recordings
        headers = [soundfile.info(one.path) for one in recordings]
        return cls(root, recordings, [(header.frames, header.samplerate) for header in headers])

    @property
    def seconds(self) -> float:
        """Of audio."""
        return sum(samples / rate for samples, rate in self.lengths)

    def figures(self) -> dict[str, float]:
        """For `report`."""
        speakers = len({one.key[:2] for one in self.recordings})
        return {"speakers": speakers, "utterances": len(self.recordings), "audio_hours": self.seconds / 3600}


def main() -> None:
    """Take turns, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flag = parser.add_argument
    flag("corpus", type=Path, help="recordings, in one folder per speaker")
    flag("--workers", type=int, default=cores(), help="processes (default: one per core)")
    flag("--repeats", type=int, default=3, help="turns (default: %(default)s)")
    flag("--v1_cuts", type=int, default=100, help="of v1's 1,000 from each side, then scaled (default: %(default)s)")
    args = parser.parse_args()
    corpus = Corpus.open(args.corpus)
    with tempfile.TemporaryDirectory() as folder:  # deleted at the very end: ext4 creates files slowly after that
        costs: Costs = defaultdict(list)
        for turn in range(args.repeats):
            progress(f"turn {turn + 1} of {args.repeats}")
            take_turn(corpus, Path(folder) / f"cache-{turn}", args.workers, costs)
        about = {**corpus.figures(), "workers": args.workers, "repeats": args.repeats}
        bare = {setup: report_bare(setup, costs, corpus, about) for setup in SETUPS}
        report_cache(costs, bare, corpus, Path(folder) / "cache-0", about)
        report_inputs(costs, corpus, Path(folder) / "cache-0", about)
        report_v1(costs, corpus, Path(folder) / "v1", args.v1_cuts)


def take_turn(corpus: Corpus, cache: Path, workers: int, costs: Costs) -> None:
    """Do everything once and note what it cost."""
    paths = [one.path for one in corpus.recordings]
    for setup, run_map in SETUPS.items():
        costs[f"{setup} decode"].append(timed(run_map, decode, paths, workers))
        costs[f"{setup} resample"].append(timed(run_map, resample, corpus.lengths, workers))
    flags = ("--cache_output_dir", cache, "--num_workers", workers)
    fill = ("--regenerate_full_cache", "--audio_dir", corpus.root)
    costs["cache"].append(run("cli.py", *fill, *flags))
    costs["inputs"].append(run("cli.py", "--generate_training_inputs", *flags))


def report_bare(setup: str, costs: Costs, corpus: Corpus, about: dict) -> float:
    """Print what decoding and resampling take; returns their sum in seconds."""
    parts = [costs[f"{setup} {part}"] for part in ("decode", "resample")]
    decoding, resampling = map(best, parts)
    wall = decoding.wall + resampling.wall
    report(
        "decode_and_resample",
        setup=setup,
        **about,
        decode_seconds=decoding.wall,
        resample_seconds=resampling.wall,
        wall_seconds=wall,
        median_seconds=sum(median(cost.wall for cost in part) for part in parts),
        cpu_seconds=decoding.cpu + resampling.cpu,
        x_real_time=corpus.seconds / wall,
    )
    return wall


def report_cache(costs: Costs, bare: dict[str, float], corpus: Corpus, cache: Path, about: dict) -> None:
    """Print what the cache takes, and how many times as long as the bare work that is."""
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file() and path.name != INPUTS_NAME)
    wall = best(costs["cache"]).wall
    ratios = {f"to_{setup}": wall / seconds for setup, seconds in bare.items()}
    report("cache", **about, **stage_figures(costs["cache"], corpus), mb=size / 1e6, **ratios)


def report_inputs(costs: Costs, corpus: Corpus, cache: Path, about: dict) -> None:
    """Print what the inputs take."""
    voiced = sum(entry.samples for entry in UtteranceCache(cache).utterances.values()) / SAMPLE_RATE  # s
    size = (cache / INPUTS_NAME).stat().st_size
    sizes = {"mb": size / 1e6, "voiced_hours": voiced / 3600, "bytes_per_voiced_second": size / voiced}
    report("inputs", **about, **stage_figures(costs["inputs"], corpus), **sizes)


def stage_figures(costs: list[Cost], corpus: Corpus) -> dict[str, float]:
    """Of a stage of ours."""
    quickest = best(costs)
    typical = median(cost.wall for cost in costs)
    return {**quickest.figures(), "median_seconds": typical, "x_real_time": corpus.seconds / quickest.wall}


def report_v1(costs: Costs, corpus: Corpus, folder: Path, cuts: int) -> None:
    """Print CPU seconds for a speaker, v1's and ours, for as many utterances as there are and as VCTK has."""
    progress(f"v1's procedure on one speaker, {cuts} of {v1_procedure.CUTS} cuts")
    speaker = corpus.recordings[0].speaker
    files = [one.path for one in corpus.recordings if one.speaker == speaker]
    folder.mkdir()
    cache, inputs, size = v1_procedure.measure_speaker(files, folder, cuts)
    scaled = f"inputs: {cuts} cuts a side times {v1_procedure.CUTS / cuts:g}"
    for utterances in (len(files), VCTK_UTTERANCES):
        share = utterances / len(corpus.recordings)
        ours = {stage: best(costs[stage]).cpu * share for stage in ("cache", "inputs")}
        v1 = {"cache": cache.cpu * utterances / len(files), "inputs": inputs.cpu}
        report(
            "v1",
            utterances_per_speaker=utterances,
            scaled=scaled if utterances == len(files) else f"{scaled}; all else by utterances from {len(files)}",
            **{f"v1_{stage}_cpu_seconds": seconds for stage, seconds in v1.items()},
            **{f"our_{stage}_cpu_seconds": seconds for stage, seconds in ours.items()},
            **{f"{stage}_ratio": v1[stage] / ours[stage] for stage in v1},
            v1_inputs_mb=size / 1e6,
        )


if __name__ == "__main__":
    main()
