"""What is done to a recording and must not matter: level, offset, silence, other channels; and what is no speech."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from audio.decode import PCM_SCALE, SAMPLE_RATE
from audio.errors import UnusableAudioError
from evaluation.audit.finding import Finding, Status, mean_over, percent, status_above
from evaluation.audit.pipeline import Material, Pipeline, named
from evaluation.comparison import paired
from evaluation.detection import EER, ScoredTrials, score_all_pairs
from evaluation.jackknife import Kind
from inference.embedding import cosine_distance
from inference.estimate import Estimate

GAINS = (-20.0, -10.0, 10.0, 20.0)  # dB
OFFSET = 0.1  # of full scale
AROUND = SAMPLE_RATE  # samples before and after
HISS = 3.0  # deviation of a channel without speech, of 16 bits
LARGEST_MOVE = 0.1  # of the distance between two utterances of a speaker; more is a property that reaches verdicts
LARGEST_RISE = 0.05  # of the EER, if speakers are to be known again through another channel
MOST_REFUSED = 0.1  # of the recordings, when they are changed
REFUSED = "too few recordings are taken for speech"
TELEPHONE = (300.0, 3400.0)  # Hz, the nominal band of a line

Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def _gained(decibels: float) -> Change:
    return lambda recording: recording * np.float32(10 ** (decibels / 20))


def _shifted(share: float) -> Change:
    return lambda recording: recording + np.float32(share * PCM_SCALE)


def _padded(value: float) -> Change:
    return lambda recording: np.pad(recording, AROUND, constant_values=np.float32(value))


def _beside_hiss(first: bool) -> Change:
    def change(recording: NDArray[np.float32]) -> NDArray[np.float32]:
        hiss = np.random.default_rng(0).normal(0, HISS, len(recording)).astype(np.float32)
        return np.stack([recording, hiss] if first else [hiss, recording], axis=1)

    return change


CHANGES: dict[str, tuple[Change, ...]] = {
    "gain of -20 to +20 dB": tuple(map(_gained, GAINS)),
    "constant offset": (_shifted(OFFSET), _shifted(-OFFSET)),
    "silence before and after": (_padded(0),),
    "constant before and after": (_padded(OFFSET * PCM_SCALE),),
    "channels swapped": (_beside_hiss(True), _beside_hiss(False)),
}


def perturbations(pipeline: Pipeline, material: Material) -> list[Finding]:
    """Measure how far each change of `CHANGES` moves embeddings, as a share of how far another utterance does."""
    recordings = [signal.astype(np.float32) for signal in material.signals]
    plain = _embedded(pipeline, material, recordings)
    if not _can_be_compared(material.labels[~np.isnan(plain[:, 0])]):
        return [Finding(named(test, material), Status.NOT_TESTED, REFUSED) for test in CHANGES]
    another = _distance_of_another(plain, material)
    findings = []
    for test, changes in CHANGES.items():
        versions = [_embedded(pipeline, material, list(map(change, recordings))) for change in changes]
        findings.append(_moved(test, material, plain, versions, another))
    return findings


def _moved(test: str, material: Material, plain: np.ndarray, versions: list[np.ndarray], another: float) -> Finding:
    """Judge a change by its worst version."""
    moves = np.stack([cosine_distance(np.einsum("ud,ud->u", plain, changed)) for changed in versions])
    # NaN where one was refused
    refused = int(np.isnan(moves).sum() - np.isnan(plain[:, 0]).sum() * len(versions))
    if refused > MOST_REFUSED * moves.size:
        return Finding(named(test, material), Status.LEAK, f"{refused} of {moves.size} recordings are refused then")
    worst = moves[int(np.argmax(np.nanmean(moves, axis=1)))] / another
    known = [worst[material.labels == label] for label in range(material.speakers)]
    size = mean_over([np.nanmean(values) for values in known if not np.isnan(values).all()], Kind.NUMBER)
    said = f"moves an embedding by {percent(size)} of how far another utterance of the speaker does"
    if refused:
        said += f"; {refused} of {moves.size} recordings were refused"
    status = _status_of_move(size)
    if status is Status.NOT_TESTED:
        said += f"; by so few speakers it can't be told whether that is more than {100 * LARGEST_MOVE:g} %"
    return Finding(named(test, material), status, said, size)


def _status_of_move(size: Estimate) -> Status:
    """A leak where the mean is too large; none where all of its interval is small."""
    if size.value > LARGEST_MOVE:
        return Status.LEAK
    return Status.NO_LEAK if size.high <= LARGEST_MOVE else Status.NOT_TESTED


def _can_be_compared(labels: np.ndarray) -> bool:
    """Whether there are two speakers, and two utterances of one."""
    _, counts = np.unique(labels, return_counts=True)
    return len(counts) > 1 and counts.max() > 1


def through_a_telephone(pipeline: Pipeline, material: Material) -> Finding:
    """Compare the EER with that where targets are of two channels and non-targets of one, a telephone's.

    Who tells channels apart instead of voices takes the two for one.
    """
    band = butter(4, TELEPHONE, "bandpass", fs=SAMPLE_RATE, output="sos")
    recordings = [signal.astype(np.float32) for signal in material.signals]
    plain = _embedded(pipeline, material, recordings)
    line = _embedded(pipeline, material, [sosfilt(band, one).astype(np.float32) for one in recordings])
    kept = ~np.isnan(plain[:, 0]) & ~np.isnan(line[:, 0])
    if not _can_be_compared(material.labels[kept]):
        return Finding(named("channel told for voice", material), Status.NOT_TESTED, REFUSED)
    labels, plain, line = material.labels[kept], plain[kept], line[kept]
    trials, crossed = score_all_pairs(plain, labels), score_all_pairs(line, labels)
    first, second = np.triu_indices(len(labels), k=1)
    across = np.einsum("td,td->t", plain[first], line[second])
    scores = np.where(crossed.first == crossed.second, across, crossed.scores)
    both = [trials, ScoredTrials(scores, crossed.first, crossed.second)]
    rates, (rise,) = paired(both, material.speakers)[EER]
    said = (
        f"the EER is {percent(rates[0])}, and {percent(rates[1])} where one speaker is heard on two channels and two "
        "speakers on one telephone"
    )
    return Finding(named("channel told for voice", material), status_above(rise, LARGEST_RISE), said, rise)


def refusals(pipeline: Pipeline) -> Finding:
    """Hand over what is no speech: every kind must be refused."""
    accepted = [name for name, recording in no_speech().items() if _speech(pipeline, recording) is not None]
    if not accepted:
        return Finding("silence and noise alone", Status.NO_LEAK, "refused, all of " + ", ".join(no_speech()))
    said = f"an embedding, and so a verdict, is given of {', '.join(accepted)}"
    return Finding("silence and noise alone", Status.LEAK, said, None)


def no_speech(seconds: float = 3.0, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Make sounds without speech up, (samples,) each, by what they are."""
    rng, count = np.random.default_rng(seed), round(seconds * SAMPLE_RATE)
    white = rng.normal(0, 1000, count)
    walk = np.cumsum(white)
    hum = 3000 * np.sin(2 * np.pi * 50 * np.arange(count) / SAMPLE_RATE)
    made = {
        "digital silence": np.zeros(count),
        "a constant": np.full(count, 3000.0),
        "white noise": white,
        "faint noise": white / 100,
        "brown noise": walk / np.abs(walk).max() * 8000,
        "hum": hum + rng.normal(0, 3, count),
        "a tone": 3000 * np.sin(2 * np.pi * 440 * np.arange(count) / SAMPLE_RATE),
    }
    return {name: sound.astype(np.float32) for name, sound in made.items()}


def _embedded(pipeline: Pipeline, material: Material, recordings: list[np.ndarray]) -> np.ndarray:
    """Embed recordings by way of the front end, (utterances, d); NaN where it refuses one."""
    signals = [_speech(pipeline, recording) for recording in recordings]
    context = [material.of(label) for label in range(material.speakers)]
    inputs = [
        pipeline.inputs([signal], context[label])[0]
        for signal, label in zip(signals, material.labels)
        if signal is not None
    ]
    embeddings = iter(pipeline.embed(inputs) if inputs else ())
    rows = [None if signal is None else next(embeddings) for signal in signals]
    size = next((row.size for row in rows if row is not None), 1)
    return np.stack([np.full(size, np.nan) if row is None else row for row in rows])


def _speech(pipeline: Pipeline, recording: NDArray[np.float32]) -> NDArray[np.int16] | None:
    try:
        return pipeline.front_end(recording)
    except UnusableAudioError:
        return None


def _distance_of_another(embeddings: np.ndarray, material: Material) -> float:
    """The mean cosine distance between two utterances of one speaker."""
    first, second = np.triu_indices(len(embeddings), k=1)
    same = material.labels[first] == material.labels[second]
    return float(np.nanmean(1 - np.einsum("td,td->t", embeddings[first[same]], embeddings[second[same]])))
