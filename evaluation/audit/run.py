"""All tests of the audit, on the held-out speakers of a cache and on its training inputs."""

from collections.abc import Iterable, Mapping

import numpy as np

from batcher.inputs import load_inputs
from cache.entries import read_signal
from cache.index import Utterance
from cache.utterances import INPUTS_NAME, UtteranceCache
from corpus.recording import Speaker
from corpus.speakers import speakers_named, trained_on
from evaluation.audit.constant_inputs import constant_inputs
from evaluation.audit.finding import Finding, Status, status_of
from evaluation.audit.overlap import overlaps
from evaluation.audit.perturbations import perturbations, refusals, through_a_telephone
from evaluation.audit.pipeline import Material, NetworkPipeline, Pipeline
from evaluation.audit.probe import condition_probe
from evaluation.audit.sessions import across_sessions
from evaluation.audit.statistics_shuffled import shuffled_statistics
from evaluation.held_out_speakers import Speakers, comparable
from inference.encoder import SpeakerEncoder
from storage.errors import UserError
from storage.places import is_remote
from storage.progress import tracked

SOME, MANY = 4, 20  # utterances of each speaker, spread over all: to change in many ways, and to be probed
MOST_SPEAKERS = 24  # of a corpus, whose recordings are changed
MOST_WITH_SESSIONS = 100  # of a corpus, all pairs of whose utterances are compared


def audit_network(encoder: SpeakerEncoder, cache: UtteranceCache, names: Iterable[str]) -> list[Finding]:
    """Carry out every test on a network, on the named speakers as far as they are held out, and on the cache's inputs.

    Raises:
        UserError: no corpus has two held-out speakers with two utterances.
        InputsError: the cache's training inputs are damaged.
    """
    named = speakers_named(names, cache.speakers())
    trained, _ = trained_on(encoder.trained_on, cache.speakers())
    corpora = comparable(_by_corpus(cache, named - trained))
    if not corpora:
        raise UserError(f"no corpus in {cache.folder} has two held-out speakers with two utterances; name some")
    findings = [_trained_on_held_out(named, trained)]
    findings += audit_pipeline(NetworkPipeline(encoder), [_material(cache, *item) for item in corpora.items()])
    return findings + _inputs_findings(cache, corpora)


def audit_pipeline(pipeline: Pipeline, materials: list[Material]) -> list[Finding]:
    """Carry out the tests that need no training inputs: signals, statistics, sessions, and the probe, by corpus."""
    findings = [refusals(pipeline)]
    for material in tracked(materials, "audit", len(materials), "corpus"):
        few = _fewer(material)
        findings += [shuffled_statistics(pipeline, few), constant_inputs(pipeline, few)]
        findings += perturbations(pipeline, few)
        findings += [
            through_a_telephone(pipeline, few),
            across_sessions(pipeline, _first(material, MOST_WITH_SESSIONS)),
        ]
        findings.append(condition_probe(material))
        if (material.sessions != "").any():
            findings.append(condition_probe(material, by_session=True))
    return findings


def _trained_on_held_out(named: set[Speaker], trained: set[Speaker]) -> Finding:
    both = sorted(map(str, named & trained))
    said = f"{', '.join(both)}: left out of the other tests" if both else "none of those named trained the network"
    return Finding("held-out speakers the network was trained on", status_of(bool(both)), said)


def _inputs_findings(cache: UtteranceCache, corpora: Mapping[str, Speakers]) -> list[Finding]:
    path = cache.folder / INPUTS_NAME
    if is_remote(path):
        return [Finding("training inputs", Status.NOT_TESTED, "they are on an object store; audit a copy of it")]
    if not path.is_file():
        return [Finding("training inputs", Status.NOT_TESTED, f"there is no {INPUTS_NAME} in the cache")]
    held_out = {
        str(Speaker(corpus, name)): [read_signal(cache.folder, utterance) for utterance in utterances]
        for corpus, speakers in corpora.items()
        for name, utterances in speakers.items()
    }
    return overlaps(load_inputs(path), held_out)


def _by_corpus(cache: UtteranceCache, speakers: set[Speaker]) -> dict[str, Speakers]:
    corpora: dict[str, Speakers] = {}
    for utterance in cache.of_speakers(speakers):
        corpora.setdefault(utterance.corpus, {}).setdefault(utterance.speaker, []).append(utterance)
    return corpora


def _material(cache: UtteranceCache, corpus: str, speakers: Speakers) -> Material:
    chosen = [_spread(utterances) for utterances in speakers.values()]
    flat: list[Utterance] = [utterance for of_one in chosen for utterance in of_one]
    labels = np.repeat(np.arange(len(chosen)), [len(of_one) for of_one in chosen])
    sessions = np.array([utterance.session for utterance in flat])
    return Material(corpus, [read_signal(cache.folder, utterance) for utterance in flat], labels, sessions)


def _spread(utterances: list[Utterance]) -> list[Utterance]:
    """`MANY` utterances at the most, equally far apart in order of name."""
    rows = np.unique(np.linspace(0, len(utterances) - 1, MANY).round().astype(int))
    return [utterances[row] for row in rows]


def _first(material: Material, speakers: int) -> Material:
    """All utterances of the first so many speakers."""
    rows = np.flatnonzero(material.labels < speakers)
    signals = [material.signals[row] for row in rows]
    return Material(material.corpus, signals, material.labels[rows], material.sessions[rows])


def _fewer(material: Material) -> Material:
    """The first `SOME` utterances of each of the first `MOST_SPEAKERS`."""
    rows = [row for label in range(min(material.speakers, MOST_SPEAKERS))
            for row in np.flatnonzero(material.labels == label)[:SOME]]  # fmt: skip
    signals = [material.signals[row] for row in rows]
    return Material(material.corpus, signals, material.labels[rows], material.sessions[rows])
