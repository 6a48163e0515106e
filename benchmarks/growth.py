"""How time and memory of the cache and the inputs grow with the corpus, up to VCTK's size and beyond.

    python benchmarks/growth.py CORPUS [--times 10] [--workers 2]

JSON lines: `growth`, each stage on a tenth of the corpus' speakers, on all, and on `--times` as many; `vctk_size`, the
straight lines through those, read off at 44,000 utterances of 44 hours; `update_without_change` of the largest cache;
`help`, the time of `cli.py --help`.

The speakers that are not there are hard links to the same files under other names, in a temporary folder beside CORPUS,
where the caches go as well (on the same disk; deleted at the end). So a large corpus is read from the page cache more
than a real one of its size would be.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from measure import Cost, cores, progress, report, run

from corpus.discovery import find_recordings
from corpus.recording import Recording

VCTK_UTTERANCES, VCTK_HOURS = 44_000, 44
FEWEST_SPEAKERS = 2  # that inputs can be made of
STAGES = {"cache": "--regenerate_full_cache", "inputs": "--generate_training_inputs"}
HELP_CALLS = 10


def main() -> None:
    """Measure three sizes, then what concerns the largest alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="recordings, in one folder per speaker")
    parser.add_argument("--times", type=int, default=10, help="size of the largest corpus (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=cores(), help="processes (default: one per core)")
    args = parser.parse_args()
    recordings = find_recordings(args.corpus).recordings
    with tempfile.TemporaryDirectory(prefix="growth-", dir=args.corpus.absolute().parent) as name:
        points = []
        for times in (0.1, 1, args.times):
            folder = Path(name) / f"times-{times}"
            progress(f"{times} times the corpus")
            linked = link_speakers(recordings, times, folder / "corpus")
            points.append(measure_stages(folder, linked, hours_of(linked), args.workers))
        report_vctk_size(points)
        report_update(folder, len(linked), args.workers)
        report_help()


def link_speakers(recordings: list[Recording], times: float, folder: Path) -> list[Path]:
    """Make a corpus of `times` as many speakers in `folder`; returns its files."""
    by_speaker: dict[str, list[Path]] = {}
    for one in recordings:
        by_speaker.setdefault(one.speaker, []).append(one.path)
    speakers = list(by_speaker)
    links = []
    for number in range(max(round(times * len(speakers)), FEWEST_SPEAKERS)):
        again, index = divmod(number, len(speakers))
        target = folder / f"{speakers[index]}-{again}"
        target.mkdir(parents=True)
        for path in by_speaker[speakers[index]]:
            os.link(path, target / path.name)
            links.append(target / path.name)
    return links


def hours_of(files: list[Path]) -> float:
    """Of audio, by the headers; a file that has several names is looked at once."""
    inodes = [path.stat().st_ino for path in files]
    seconds = {inode: soundfile.info(path).duration for inode, path in dict(zip(inodes, files)).items()}
    return sum(seconds[inode] for inode in inodes) / 3600


def measure_stages(folder: Path, files: list[Path], hours: float, workers: int) -> dict:
    """Run both stages on `folder`'s corpus and print what each takes."""
    flags = ("--audio_dir", folder / "corpus", "--cache_output_dir", folder / "cache", "--num_workers", workers)
    costs = {}
    for stage, action in STAGES.items():
        before = bytes_in(folder / "cache")
        costs[stage] = cost = run("cli.py", action, *flags)
        size = {"utterances": len(files), "audio_hours": hours, "workers": workers}
        written = (bytes_in(folder / "cache") - before) / 1e6
        report("growth", stage=stage, **size, **cost.figures(), x_real_time=3600 * hours / cost.wall, mb=written)
    return {"hours": hours, **costs}


def bytes_in(folder: Path) -> int:
    """Of all files in a folder; 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def report_vctk_size(points: list[dict]) -> None:
    """Fit straight lines to the points and print what they say of VCTK."""
    hours = [point["hours"] for point in points]

    def at_vctk(stage: str, figure: str) -> float:
        slope, start = np.polyfit(hours, [getattr(point[stage], figure) for point in points], 1)
        return float(start + slope * VCTK_HOURS)

    each = {stage: Cost(*(at_vctk(stage, figure) for figure in ("wall", "cpu", "peak"))) for stage in STAGES}
    report(
        "vctk_size",
        extrapolated=True,
        from_hours=[round(value, 2) for value in hours],
        utterances=VCTK_UTTERANCES,
        audio_hours=VCTK_HOURS,
        **{f"{stage}_minutes": cost.wall / 60 for stage, cost in each.items()},
        both_minutes=sum(cost.wall for cost in each.values()) / 60,
        both_cpu_minutes=sum(cost.cpu for cost in each.values()) / 60,
        peak_mb=max(cost.peak for cost in each.values()) / 1e6,
    )


def report_update(folder: Path, utterances: int, workers: int) -> None:
    """Print what it takes to see that a cache has everything."""
    flags = ("--audio_dir", folder / "corpus", "--cache_output_dir", folder / "cache", "--num_workers", workers)
    cost = run("cli.py", "--update_cache", *flags)
    report("update_without_change", utterances=utterances, **cost.figures())


def report_help() -> None:
    """Print how long the command line takes to answer at all."""
    seconds = [run("cli.py", "--help").wall for _ in range(HELP_CALLS)]
    report("help", calls=HELP_CALLS, best_seconds=min(seconds), median_seconds=median(seconds))


if __name__ == "__main__":
    main()
