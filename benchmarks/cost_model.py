"""What corpora of any size take on any number of workers, from what was measured on one machine.

    python benchmarks/cost_model.py docs/scaling.jsonl

Reads the JSON lines of `strong_scaling`, `index_growth`, `inputs_growth` and `distributed_step`. Prints how the model,
fitted without the largest size that was measured, foretells that size; and a forecast for VCTK, VoxCeleb 1 and 2 on 1,
8 and 64 workers of one core each. JSON lines on stdout, tables on stderr. docs/scaling.md explains the model.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from made_up_inputs import VCTK_SPEAKERS
from measure import report, show_table

from models.run_names import SOFTMAX, TRIPLET

WORKERS = (1, 8, 64)
NETWORK = 1e9 / 8  # bytes/s: a gigabit a second between machines
STEPS = {SOFTMAX: 20_000, TRIPLET: 6_000}  # by default
COPIES_OF_HEAD = 5  # weights, their average, Adam's two moments, gradients
SPEEDS = 5  # classes that each speaker makes
EMBEDDING = 128
FLOAT = 4  # bytes

Lines = Sequence[dict[str, Any]]  # of JSON


@dataclass(frozen=True)
class Corpus:
    """A published corpus; sizes as its authors state them."""

    name: str
    hours: float
    speakers: int
    utterances: int


CORPORA = (
    Corpus("VCTK", 44, 109, 44_000),
    Corpus("VoxCeleb 1", 352, 1_251, 153_516),  # Nagrani et al., "VoxCeleb" (2017), table 1
    Corpus("VoxCeleb 2", 2_442, 6_112, 1_128_246),  # Chung et al., "VoxCeleb2" (2018), table 2
)


def main() -> None:
    """Read the measurements, check the model by them, and print the forecast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path, help="JSON lines")
    text = parser.parse_args().measured.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    found = list(checks(lines))
    for check in found:
        report("model_check", **check)
    show_table(
        [{name: shown(check.get(name, "")) for name in ("of", "figure", "foretold", "measured")} for check in found]
    )
    model = Model.fitted(lines)
    rows = [model.forecast(corpus, workers) for corpus in CORPORA for workers in WORKERS]
    for row in rows:
        report("forecast", **row)
    show_table([{name: shown(value) for name, value in row.items()} for row in rows])


@dataclass(frozen=True)
class Line:
    """A figure that grows in proportion to a size: `each` of it, and `always` besides."""

    each: float
    always: float

    def at(self, size: float) -> float:
        """The figure at a size."""
        return self.always + self.each * size


@dataclass(frozen=True)
class Model:
    """Rates of one worker with a core of its own, and what one process does whatever their number."""

    cache_rate: float  # s of audio a second
    cache_serial: float  # s of the command itself for each utterance: flushing, naming, the index
    cache_bytes: float  # for each second of audio
    inputs_rate: float  # s of audio a second, disturbed copies included
    inputs_bytes: float  # for each second of audio
    update: Line  # s with nothing to do, by utterances
    update_memory: Line  # MB, by utterances
    training_memory: Line  # MB that opening inputs and drawing batches takes, by hours
    step: dict[str, Line]  # s on one core by stage, by speakers: windows that workers share, and what each does again
    exchange: dict[str, float]  # s of a step on two workers beyond that, by stage
    weights: float  # bytes of gradients, embeddings and moments of a step without a head

    @classmethod
    def fitted(cls, lines: Lines) -> "Model":
        """The model of these measurements."""
        (cache,) = chosen(lines, "strong_scaling", stage="cache", kind="processes", workers=1)
        by_cluster = chosen(lines, "strong_scaling", stage="cache", kind="dask")  # which leaves decoding to others
        (inputs,) = chosen(lines, "strong_scaling", stage="inputs", kind="processes", workers=1)
        seconds = 3600 * cache["audio_hours"]
        updates, opened = chosen(lines, "update_without_change"), chosen(lines, "inputs_growth")
        steps = {stage: steps_of(lines, stage) for stage in STEPS}
        (exchanged,) = chosen(lines, "distributed_step", stage="triplet", processes=2, speakers=VCTK_SPEAKERS)
        return cls(
            cache_rate=seconds / cache["wall_seconds"],
            cache_serial=line_through(by_cluster, "utterances", "cpu_seconds_of_command").each,
            cache_bytes=1e6 * cache["mb"] / seconds,
            inputs_rate=seconds / inputs["wall_seconds"],
            inputs_bytes=1e6 * inputs["mb"] / seconds,
            update=line_through(updates, "utterances", "wall_seconds"),
            update_memory=line_through(updates, "utterances", "peak_mb"),
            training_memory=line_through(opened, "hours", "peak_mb"),
            step={stage: line for stage, (line, _) in steps.items()},
            exchange={stage: beyond for stage, (_, beyond) in steps.items()},
            weights=exchanged["formula_bytes_a_step"] / 2,
        )

    def forecast(self, corpus: Corpus, workers: int) -> dict[str, Any]:
        """What a corpus takes on so many workers."""
        seconds = 3600 * corpus.hours
        shared, serial = seconds / self.cache_rate / workers, self.cache_serial * corpus.utterances
        parts = {stage: self.parts_of_step(stage, corpus.speakers, workers) for stage in STEPS}
        heads = COPIES_OF_HEAD * head_bytes(corpus.speakers) / 1e9
        training = sum(STEPS[stage] * sum(parts[stage].values()) for stage in STEPS)
        return {
            "corpus": corpus.name,
            "workers": workers,
            "cache_hours": max(shared, serial) / 3600,
            "inputs_hours": seconds / self.inputs_rate / workers / 3600,
            "training_hours": training / 3600,
            "softmax_step_ms": 1e3 * sum(parts[SOFTMAX].values()),
            "mb_sent_a_step": ring(workers) * self.sent(SOFTMAX, corpus.speakers) / 1e6,
            "cache_gb": self.cache_bytes * seconds / 1e9,
            "inputs_gb": self.inputs_bytes * seconds / 1e9,
            "update_gb_of_memory": self.update_memory.at(corpus.utterances) / 1e3,
            "training_gb_of_memory": self.training_memory.at(corpus.hours) / 1e3 + heads,
            "cache_bends_at": "one command" if serial > shared else "decoding",
            "training_bends_at": max(parts[SOFTMAX], key=lambda name: parts[SOFTMAX][name]),
        }

    def parts_of_step(self, stage: str, speakers: int, workers: int) -> dict[str, float]:
        """The seconds of a step by what they go to."""
        line, bytes_of_step = self.step[stage], self.sent(stage, speakers)
        return {
            "windows": line.always / workers,
            "the head": max(line.each, 0.0) * speakers,
            "exchange": 0.0 if workers == 1 else ring(workers) * (self.exchange[stage] + bytes_of_step / NETWORK),
        }

    def sent(self, stage: str, speakers: int) -> float:
        """The bytes that are summed over the workers in a step."""
        return self.weights + (head_bytes(speakers) if stage == SOFTMAX else 0)


def head_bytes(speakers: int) -> int:
    """The size of a softmax's weights."""
    return FLOAT * speakers * SPEEDS * EMBEDDING


def ring(workers: int) -> float:
    """How often each worker sends what is summed in a ring, beside once with two of them."""
    return 2 * (workers - 1) / workers


def steps_of(lines: Lines, stage: str) -> tuple[Line, float]:
    """A step's seconds on one core by speakers, and what it takes on two workers beyond half the windows and a head.

    The latter is that of the fewest speakers, whose weights are few: bytes count by themselves.
    """
    alone = chosen(lines, "distributed_step", stage=stage, processes=1, threads=1)
    line = line_through(alone, "speakers", "step_ms")
    both = min(chosen(lines, "distributed_step", stage=stage, processes=2), key=lambda one: one["speakers"])
    beyond = both["step_ms"] - line.always / 2 - line.each * both["speakers"]
    return Line(line.each / 1e3, line.always / 1e3), max(beyond, 0.0) / 1e3


def checks(lines: Lines) -> Iterator[dict[str, Any]]:
    """How well what was measured at smaller sizes foretells the largest one."""
    grown = {
        "update_without_change": ("utterances", ("wall_seconds", "peak_mb")),
        "inputs_growth": ("hours", ("write_seconds", "mb", "batch_ms", "peak_mb")),
    }
    for benchmark, (size, figures) in grown.items():
        *smaller, largest = sorted(chosen(lines, benchmark), key=lambda line: line[size])
        for figure in figures:
            foretold = line_through(smaller, size, figure).at(largest[size])
            yield {
                "of": benchmark,
                "figure": figure,
                size: largest[size],
                "foretold": foretold,
                "measured": largest[figure],
            }
    for stage in ("cache", "inputs", "evaluate"):
        for kind in ("processes", "dask"):
            one, two = (chosen(lines, "strong_scaling", stage=stage, kind=kind, workers=n)[0] for n in (1, 2))
            yield {
                "of": f"{stage} by {kind}, 2 workers",
                "figure": "wall_seconds",
                "foretold": one["wall_seconds"] / 2,
                "measured": two["wall_seconds"],
            }
    both = max(chosen(lines, "distributed_step", stage=SOFTMAX, processes=2), key=lambda one: one["speakers"])
    parts = Model.fitted(lines).parts_of_step(SOFTMAX, both["speakers"], 2)
    yield {
        "of": f"softmax step on 2 workers, {both['speakers']} speakers",
        "figure": "step_ms",
        "foretold": 1e3 * sum(parts.values()),
        "measured": both["step_ms"],
    }


def chosen(lines: Lines, benchmark: str, **wanted: object) -> list[dict[str, Any]]:
    """The lines of a benchmark with these values."""
    found = [line for line in lines if line["benchmark"] == benchmark and wanted.items() <= line.items()]
    if not found:
        raise SystemExit(f"expected a line of {benchmark} with {wanted}. There is none")
    return found


def line_through(lines: Lines, size: str, figure: str) -> Line:
    """The straight line nearest to a figure at several sizes."""
    each, always = np.polyfit([line[size] for line in lines], [line[figure] for line in lines], 1)
    return Line(float(each), float(always))


def shown(value: object) -> str:
    """A figure for people."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
