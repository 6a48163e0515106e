"""Workers do the same however they are started: Linux forks, Windows and macOS spawn, Python 3.14 has a fork server."""

import multiprocessing

import numpy as np
import pytest
from command_line import run, succeed
from conftest import copy_voices
from start_method import started_by

TWO = ("--num_workers", "2", "--multi_threading")
NAMES_METHOD = """
import multiprocessing
from storage.parallel import parallel_map

def name(_):
    import scipy.linalg  # which brings NumPy along: each has a library of its own
    import threadpoolctl
    threads = {library["num_threads"] for library in threadpoolctl.threadpool_info()}
    return multiprocessing.current_process().name, multiprocessing.get_start_method(), *sorted(threads)

if __name__ == "__main__":
    print(*sorted({tuple(map(str, about)) for name, *about in parallel_map(name, range(64), 2) if "Process-" in name}))
"""
NO_FORK_SERVER = pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="Windows has no fork server"
)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_tests_can_choose_the_method_and_workers_keep_to_one_core(tmp_path, method):
    (tmp_path / "names.py").write_text(NAMES_METHOD)
    variables = started_by(method, {"PYTHONPATH": "."})
    assert run(tmp_path / "names.py", **variables).stdout == f"('{method}', '1')\n"


@pytest.fixture(scope="module")
def by_one_process(tmp_path_factory):
    """What the commands make and say with a single worker."""
    return made(tmp_path_factory.mktemp("one"), ("--num_workers", "1"), {})


@pytest.mark.parametrize("method", ["spawn", pytest.param("forkserver", marks=[pytest.mark.long, NO_FORK_SERVER])])
def test_cache_inputs_and_embeddings_are_the_same(tmp_path, by_one_process, method):
    said, files = made(tmp_path, TWO, started_by(method))
    expected_said, expected = by_one_process
    assert said == expected_said
    assert files.keys() == expected.keys()
    for name, content in expected.items():
        np.testing.assert_array_equal(files[name], content)


def made(folder, workers, variables) -> tuple[list[str], dict[str, object]]:
    """Cache 36 recordings, write inputs with disturbed copies, embed what was cached."""
    corpus = copy_voices(folder / "corpus", ("p225", "p226", "p362"), 12)
    cache = ("--cache_output_dir", folder / "cache")
    update = succeed("cli.py", "--update_cache", "--audio_dir", corpus, *cache, *workers, **variables)
    again = succeed("cli.py", "--update_cache", "--audio_dir", corpus, *cache, *workers, **variables)
    inputs = succeed("cli.py", "--generate_training_inputs", "--disturbed_copies", "1", *cache, *workers, **variables)
    embed = succeed("cli.py", "--embed", corpus, "--output", folder / "e.npz", *workers, **variables)
    said = [done.stdout.replace(str(folder), "") for done in (update, again, inputs, embed)]
    entries = sorted((folder / "cache" / "audio").rglob("*.wav"))
    embeddings = np.load(folder / "e.npz")
    files = {path.name: path.read_bytes() for path in entries}
    return said, {
        **files,
        "inputs": (folder / "cache" / "full_inputs.pkl").read_bytes(),
        "embeddings": embeddings["embeddings"],
        "files": [name.replace(str(folder), "") for name in embeddings["files"]],
    }
