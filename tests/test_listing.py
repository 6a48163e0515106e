"""The listing of docs/inference.md, which uses the bundled network without this tool, gives what the tool gives."""

import json
import re

import numpy as np
import pytest
from conftest import VOICES

from inference import SpeakerEncoder

ROOT = VOICES.parents[1]
DOCUMENT = (ROOT / "docs" / "inference.md").read_text(encoding="utf-8")
LISTING, PRINTED = re.search(
    r"```python\n(import json\n.*?)```\n\nIt prints, to check against:\n\n```\n(.*?)\n```", DOCUMENT, re.DOTALL
).groups()


@pytest.fixture(scope="module")
def listing():
    """What the listing defines, and what it prints."""
    printed = []
    names = {"print": printed.append}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        exec(compile(LISTING, "docs/inference.md", "exec"), names)
    return names, printed


def test_it_prints_the_reference_vector(listing):
    (vector,) = listing[1]
    np.testing.assert_allclose(vector, json.loads(PRINTED), atol=2e-3)


def test_it_uses_nothing_of_this_tool():
    modules = set(re.findall(r"^(?:import|from) (\w+)", LISTING, re.MULTILINE))
    used = {"json", "os", "numpy", "onnxruntime", "python_speech_features", "scipy", "soundfile", "soxr"}
    assert modules == used


@pytest.mark.parametrize("path", sorted(VOICES.rglob("*.flac"))[::25], ids=lambda path: path.name)
def test_it_gives_the_embeddings_of_the_tool(listing, path):
    np.testing.assert_allclose(listing[0]["embed"](path), SpeakerEncoder().embed_utterance(path), atol=1e-4)
