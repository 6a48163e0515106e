"""The same work on one worker and on several: cache, inputs and evaluation, by processes and by a Dask cluster.

    python benchmarks/strong_scaling.py CORPUS [--workers 1,2] [--stages ...] [--test_speakers A,B,...]

JSON lines, one for each stage, kind of workers and number of them: wall and processor time, audio hours for each
processor hour, how many times as fast as one such worker, and whether the bytes are those of one process. The cluster
is real: a scheduler and workers in processes of their own on loopback. On a machine with as many cores as workers, the
scheduler and the command itself need a part of them, which shows. What is written goes to $TMPDIR.
"""

import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import soundfile
from measure import ROOT, Cost, progress, report, run

from cache.utterances import INPUTS_NAME
from corpus.discovery import find_recordings

STAGES = ("cache", "inputs", "evaluate")
KINDS = ("processes", "dask")


def main() -> None:
    """Do each stage with each kind and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="recordings, in one folder per speaker")
    parser.add_argument("--workers", default="1,2", help="numbers, with commas (default: %(default)s)")
    parser.add_argument("--stages", default=",".join(STAGES), help="with commas (default: %(default)s)")
    parser.add_argument("--test_speakers", help="to evaluate on; of the corpus")
    args = parser.parse_args()
    recordings = find_recordings(args.corpus).recordings
    hours = sum(soundfile.info(one.path).duration for one in recordings) / 3600
    reference: dict[str, str] = {}
    alone: dict[tuple[str, str], float] = {}
    for kind in KINDS:
        for workers in map(int, args.workers.split(",")):
            with tempfile.TemporaryDirectory(prefix="scaling-") as folder, chosen(kind, workers) as flags:
                for stage in args.stages.split(","):
                    progress(f"{stage} by {kind}, {workers}")
                    before = bytes_in(Path(folder))
                    cost, digest = done(stage, args, Path(folder), flags)
                    is_same = reference.setdefault(stage, digest) == digest
                    wall = alone.setdefault((stage, kind), cost.wall)
                    report(
                        "strong_scaling",
                        stage=stage,
                        kind=kind,
                        workers=workers,
                        audio_hours=hours,
                        utterances=len(recordings),
                        wall_seconds=cost.wall,
                        cpu_seconds_of_command=cost.cpu,
                        mb=(bytes_in(Path(folder)) - before) / 1e6,
                        x_real_time=3600 * hours / cost.wall,
                        speed_up=wall / cost.wall,
                        same_bytes=is_same,
                    )


def done(stage: str, args: argparse.Namespace, folder: Path, flags: tuple[object, ...]) -> tuple[Cost, str]:
    """Do a stage in a folder, the stages before it being done; what it took, and a digest of what it wrote."""
    cache = folder / "cache"
    here = ("--cache_output_dir", cache, *flags)
    if stage == "cache":
        return run("cli.py", "--update_cache", "--audio_dir", args.corpus, *here), digest_of(
            cache, "index.jsonl", "*.wav"
        )
    if stage == "inputs":
        return run("cli.py", "--generate_training_inputs", *here), digest_of(cache, INPUTS_NAME)
    named = ("--test_speakers", args.test_speakers) if args.test_speakers else ()
    scores = folder / "scores.csv"
    network = ROOT / "models" / "pretrained" / "network.onnx"
    cost = run("cli.py", "--evaluate", "--checkpoint", network, "--scores", scores, *named, *here)
    return cost, digest_of(folder, scores.name)


def bytes_in(folder: Path) -> int:
    """Of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def digest_of(folder: Path, *patterns: str) -> str:
    """SHA-256 of the files that fit, at any depth, and of their names."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in folder.rglob(pattern)):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def chosen(kind: str, workers: int) -> Iterator[tuple[object, ...]]:
    """The flags for so many workers of a kind; those of a cluster live as long as the block."""
    if kind == "processes":
        yield "--num_workers", workers
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with ExitStack() as stack:
        port = address.rpartition(":")[2]
        stack.enter_context(service("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"))
        for _ in range(workers):
            stack.enter_context(service("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"))
        wait_for = "import sys; from distributed import Client; Client(sys.argv[1]).wait_for_workers(int(sys.argv[2]))"
        subprocess.run([sys.executable, "-c", wait_for, address, str(workers)], check=True, cwd=ROOT)
        yield "--scheduler", address


@contextmanager
def service(name: str, *flags: str) -> Iterator[None]:
    """A process of Dask's, as long as the block takes; it runs in the repository, and so has this tool."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *flags]
    with tempfile.TemporaryDirectory() as folder, open(Path(folder, "log"), "wb") as log:
        environment = {**os.environ, "DASK_TEMPORARY_DIRECTORY": folder}
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
