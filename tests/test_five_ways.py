"""One corpus in folders, and described as a table, as JSON lines of NeMo's and Lhotse's, and as a Kaldi data folder."""

import csv
import gzip
import json
from pathlib import Path

import pytest
import soundfile
from command_line import succeed
from conftest import copy_voices

SPEAKERS = ("p225", "p226", "p362")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Three speakers with five utterances each."""
    return copy_voices(tmp_path_factory.mktemp("one") / "corpus", SPEAKERS, 5)


def recordings(corpus: Path) -> list[tuple[Path, str, str, float]]:
    """File, speaker, utterance, and duration in s of each."""
    files = sorted(corpus.rglob("*.flac"), reverse=True)
    return [(path, path.parent.name, path.stem, soundfile.info(path).duration) for path in files]


def table(corpus: Path, delimiter: str) -> Path:
    path = corpus / f"manifest.{ {',': 'csv', chr(9): 'tsv'}[delimiter] }"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["speaker", "path", "note"])
        writer.writerows([speaker, file.relative_to(corpus), "none"] for file, speaker, _, _ in recordings(corpus))
    return path


def nemo(corpus: Path) -> Path:
    path = corpus / "manifest.jsonl"
    rows = [{"audio_filepath": str(file), "duration": s, "label": name} for file, name, _, s in recordings(corpus)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def lhotse(corpus: Path) -> Path:
    path = corpus / "voices_supervisions.jsonl.gz"
    sources, supervisions = [], []
    for file, speaker, utterance, seconds in recordings(corpus):
        source = {"type": "file", "channels": [0], "source": str(file.relative_to(corpus))}
        sources.append({"id": f"r-{utterance}", "sources": [source], "duration": seconds})
        span = {"start": 0.0, "duration": seconds, "channel": 0}
        supervisions.append({"id": utterance, "recording_id": f"r-{utterance}", **span, "speaker": speaker})
    for name, rows in (("recordings", sources), ("supervisions", supervisions)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (corpus / f"voices_{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return path


def kaldi(corpus: Path, segments: bool) -> Path:
    folder = corpus / ("segments" if segments else "data")
    folder.mkdir(exist_ok=True)
    files = {"wav.scp": [], "utt2spk": [], **({"segments": []} if segments else {})}
    for file, speaker, utterance, seconds in recordings(corpus):
        files["wav.scp"].append(f"{f'rec-{utterance}' if segments else utterance} {file}")
        files["utt2spk"].append(f"{utterance} {speaker}")
        if segments:
            files["segments"].append(f"{utterance} rec-{utterance} 0.0 {seconds}")
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return folder


WAYS = {
    "csv": lambda corpus: table(corpus, ","),
    "tsv": lambda corpus: table(corpus, "\t"),
    "nemo": nemo,
    "lhotse": lhotse,
    "kaldi": lambda corpus: kaldi(corpus, segments=False),
    "kaldi segments": lambda corpus: kaldi(corpus, segments=True),
}
LONG = ("tsv", "nemo", "kaldi")  # which differ less from the others


def inputs(cache: Path, *source) -> bytes:
    succeed("cli.py", "--update_cache", *source, "--cache_output_dir", cache)
    succeed("cli.py", "--generate_training_inputs", "--test_speakers", "corpus/p362", "--cache_output_dir", cache)
    return (cache / "full_inputs.pkl").read_bytes()


@pytest.fixture(scope="module")
def of_folders(corpus, tmp_path_factory) -> bytes:
    return inputs(tmp_path_factory.mktemp("folders") / "cache", "--audio_dir", corpus)


@pytest.mark.parametrize("way", [pytest.param(way, marks=[pytest.mark.long] * (way in LONG)) for way in WAYS])
def test_a_described_corpus_gives_the_bytes_of_its_folders(tmp_path, corpus, of_folders, way):
    assert inputs(tmp_path / "cache", "--manifest", WAYS[way](corpus), "--corpus", "corpus") == of_folders


def test_a_corpus_that_is_described_after_it_was_cached_is_the_same(tmp_path, corpus, of_folders):
    cache = tmp_path / "cache"
    for source in (("--audio_dir", corpus), ("--manifest", kaldi(corpus, segments=False), "--corpus", "corpus")):
        assert inputs(cache, *source) == of_folders
    assert len((cache / "index.jsonl").read_text().splitlines()) == 15
