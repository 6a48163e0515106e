"""What the documents show works as printed: examples in Python, files they name, and the command after `make demo`."""

import re
import shlex
from pathlib import Path

import pytest
import soundfile
from command_line import ROOT, succeed
from conftest import VOICES

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md")] + sorted(
    ROOT.glob("docs/*.md")
)
NAMED = re.compile(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|sh|md|cff))`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
EXAMPLE = re.compile(r"```python\n(from deep_speaker .*?)```", re.DOTALL)
VERDICT = re.compile(r'^(.*\.verdict)  # "(\w+)"$', re.MULTILINE)
RATE = 16_000  # Hz, of the samples that the examples hand over


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(document):
    assert [link for link in LINKED.findall(text(document)) if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/architecture.md", "SECURITY.md"])
def test_every_file_that_is_named_exists(document):
    """A name without a folder is of a file of the folder that the sentence is about."""
    missing = [
        name
        for name in NAMED.findall(text(ROOT / document))
        if not (ROOT / name).exists() and ("/" in name or not list(ROOT.glob(f"[a-z]*/{name}")))
    ]
    assert missing == []


@pytest.mark.parametrize("document", ["README.md", "docs/inference.md"])
def test_the_example_in_python_knows_a_speaker_again(document, tmp_path, monkeypatch):
    """Files whose names begin with b are of another speaker than the others and the samples."""
    (example,) = EXAMPLE.findall(text(ROOT / document))
    example = example.replace("from deep_speaker.", "from ")  # as the repository has it, which is not installed
    first, *others = sorted((VOICES / "p225").iterdir())
    stranger, *_ = strangers = sorted((VOICES / "p226").iterdir())
    for name in sorted(set(re.findall(r'"([\w.]+\.(?:wav|flac|m4a))"', example))):
        samples, rate = soundfile.read((strangers if name.startswith("b") else others).pop())
        soundfile.write(tmp_path / name, samples, rate, format="FLAC" if name.endswith("flac") else "WAV")
    monkeypatch.chdir(tmp_path)
    names = {"samples": soundfile.read(first)[0]}
    assert soundfile.info(first).samplerate == RATE
    *lines, last = example.rstrip().splitlines()
    exec(compile("\n".join(lines), document, "exec"), names)
    assert eval(last, names) > 0.5
    encoder = names["encoder"]
    assert encoder.compare(names["anna"], encoder.embed(stranger)).probability < 0.5
    verdicts = VERDICT.findall(example)
    assert [eval(expression, names) for expression, _ in verdicts] == [verdict for _, verdict in verdicts] != []


def test_the_readme_s_command_after_the_demo_works_as_printed():
    line = re.search(r"source \.venv/bin/activate\n +(python .*)", text(ROOT / "README.md"))[1]
    _, *arguments = shlex.split(line)
    assert succeed(*arguments).stdout.startswith("same speaker")


def test_the_readme_needs_nothing_beside_the_repository():
    assert [path.name for path in DOCUMENTS if "../shared" in text(path)] == ["CONTRIBUTING.md"]
