"""What TensorBoard shows of a run: train and test in one chart, histograms of cosines, and a map of the embeddings.

TensorBoard draws what has one tag in one chart, with a line for each folder of events. So the measures of both sides
have the same tags, in the stage's folders `train` and `test`, and `tensorboard --logdir runs` calls the lines
softmax/train, softmax/test, triplet/train and so on.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from models.run_names import CHARTS, TEST_CHARTS, TRAIN_CHARTS
from storage.atomic import temporary_name, write_atomically
from training.position import Metrics

EVENTS = "events.out.tfevents.*"  # TensorBoard's files
PROJECTOR, VECTORS, SPEAKERS = "projector_config.pbtxt", "embeddings.tsv", "speakers.tsv"
MOST_PROJECTED = 5000  # utterances; the projector, which runs in a browser, gets slow with more

Points = dict[tuple[str, int], Event]  # by tag and step


class Charts:
    """The charts of a run, which go on where the run does.

    Args:
        folder: of the run.
        history: the run's epochs so far, as history.csv has them; points that the charts lack are put in.
        step: where the run stands. Points of later ones, from work that was lost, are taken out of the charts.

    Raises:
        OSError: the folder can't be written to, or the disk is full.
    """

    def __init__(self, folder: Path, history: Sequence[Metrics], step: int):
        for side in CHARTS:
            _restore(folder / side, _scalars(history, side), step)
        self._writers = {side: EventFileWriter(str(folder / side)) for side in CHARTS}

    def add(self, row: Metrics, test_cosines: Mapping[str, np.ndarray]) -> None:
        """Add an epoch: its row of the history, and cosines on the test utterances by name, to make histograms of."""
        for side, writer in self._writers.items():
            for event in _scalars([row], side).values():
                writer.add_event(event)
        for name, cosines in test_cosines.items():
            self._writers[TEST_CHARTS].add_event(_event(histogram_pb(name, cosines), int(row["step"])))
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()


def write_map(folder: Path, embeddings: np.ndarray, labels: Sequence[tuple[str, str]]) -> None:
    """Write what TensorBoard's projector shows: embeddings, each with its speaker and utterance.

    Of more than `MOST_PROJECTED` some are left out, evenly.

    Args:
        folder: of the run.
        embeddings: (n, d).
        labels: speaker and utterance of each, (n,); any text.
    """
    shown = np.unique(np.linspace(0, len(embeddings) - 1, min(len(embeddings), MOST_PROJECTED)).round().astype(int))
    vectors = ["\t".join(f"{value:.6g}" for value in embeddings[row]) for row in shown]
    names = ["speaker\tutterance", *("\t".join(map(_escaped, labels[row])) for row in shown)]
    config = ProjectorConfig()
    config.embeddings.add(tensor_name="test utterances", tensor_path=VECTORS, metadata_path=SPEAKERS)
    for name, lines in ((VECTORS, vectors), (SPEAKERS, names)):
        write_atomically(folder / TEST_CHARTS / name, "".join(f"{line}\n" for line in lines))
    write_atomically(folder / TEST_CHARTS / PROJECTOR, text_format.MessageToString(config))


def _escaped(text: str) -> str:
    """The text without what would end a cell or a line: as Python writes it in a string."""
    return "".join(
        letter if letter.isprintable() and letter != "\\" else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _scalars(rows: Sequence[Metrics], side: str) -> Points:
    """The points of one side; what is of neither, as the learning rate, stands with the training."""
    points = {}
    for row in rows:
        step = int(row["step"])
        for name, value in row.items():
            of, _, tag = name.partition("_")
            if of not in CHARTS:
                of, tag = TRAIN_CHARTS, name
            if of == side and tag != "step" and math.isfinite(value):
                points[tag, step] = _event(scalar_pb(tag, value), step)
    return points


def _event(summary: Summary, step: int) -> Event:
    return Event(wall_time=time.time(), step=step, summary=summary)


def _restore(folder: Path, expected: Points, up_to_step: int) -> None:
    """Leave each point up to a step once in the folder's files, and none after it."""
    files = sorted(folder.glob(EVENTS))
    found = [point for file in files for point in _points_in(file)]
    kept = {place: event for place, event in found if place[1] <= up_to_step}
    if len(kept) == len(found) and expected.keys() <= kept.keys():
        return
    temporary = temporary_name(folder)
    writer = EventFileWriter(str(temporary))
    for _, event in sorted({**expected, **kept}.items(), key=lambda point: point[0][1]):
        writer.add_event(event)
    writer.close()
    for made in temporary.iterdir():
        made.replace(folder / made.name)
    temporary.rmdir()
    for file in files:
        file.unlink()


def _points_in(file: Path) -> Iterator[tuple[tuple[str, int], Event]]:
    """The points of a file, as far as it is whole: a run that was killed may have left it cut short."""
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            alone = Event(wall_time=event.wall_time, step=event.step, summary=Summary(value=[value]))
            yield (value.tag, event.step), alone
