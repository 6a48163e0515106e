"""What the disk, other processes and links may do to a run: one line says what, and what was cached before stays."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import PATIENCE, ROOT, environment, plain_lines, run, succeed
from conftest import VOICES, copy_voices

from cache.entries import audio_path, is_whole
from cache.parts import read_index
from cache.update import update
from cache.utterances import INPUTS_NAME, UtteranceCache
from corpus.discovery import find_recordings
from corpus.listing import Listing
from storage.atomic import temporary_name
from storage.lock import LOCK_FILES, folder_lock, shared_folder_lock

LIMITED = """
import resource, sys, cli
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(cli.main())
"""
SMALL_DISK = """
mount -t tmpfs -o size="$SIZE" tmpfs "$FOLDER" && cp -a "$BEFORE"/. "$FOLDER" || exit 99
"$@"; status=$?
cp -a "$FOLDER"/. "$AFTER"; exit $status
"""
READ_ONLY = 'mount --bind "$FOLDER" "$FOLDER" && mount -o remount,bind,ro "$FOLDER" || exit 99; "$@"'
UPDATE, REGENERATE, GENERATE = "--update_cache", "--regenerate_full_cache", "--generate_training_inputs"
EARLIER = "inputs made earlier"
PAGE, SPACE_LEFT = 4096, 100 << 10  # bytes of the small disk


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two speakers with ten utterances each."""
    return copy_voices(tmp_path_factory.mktemp("voices") / "corpus", ("p225", "p226"), 10)


@pytest.fixture(scope="module")
def complete(tmp_path_factory, corpus):
    """The cache of both speakers, with inputs, as undisturbed runs make it."""
    folder = tmp_path_factory.mktemp("complete")
    for command in (UPDATE, GENERATE):
        succeed(*command_line(command, corpus, folder))
    return folder


@pytest.fixture(scope="module")
def half(tmp_path_factory, corpus):
    """A cache of one of them."""
    folder, aside = tmp_path_factory.mktemp("half"), corpus.with_name("aside")
    (corpus / "p226").rename(aside)
    succeed(*command_line(UPDATE, corpus, folder))
    aside.rename(corpus / "p226")
    return folder


@pytest.fixture
def earlier(tmp_path, complete, half):
    """Make a cache with old inputs that a command would complete, and a copy of it to compare with."""

    def make(command: str) -> tuple[Path, Path]:
        for name in ("cache", "before"):
            shutil.copytree(complete if command == GENERATE else half, tmp_path / name)
            (tmp_path / name / INPUTS_NAME).write_text(EARLIER)
        return tmp_path / "cache", tmp_path / "before"

    return make


def command_line(command: str, corpus: Path, cache: Path, workers: int = 2) -> tuple:
    source = () if command == GENERATE else ("--audio_dir", corpus)
    return ("cli.py", command, *source, "--cache_output_dir", cache, "--num_workers", workers)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in LOCK_FILES)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def is_same(one: Path, other: Path, ignore: str = "") -> bool:
    """Whether all files are the same; a bool, since to show the difference of such folders takes minutes."""
    files = [{name: content for name, content in contents(folder).items() if name != ignore} for folder in (one, other)]
    return files[0] == files[1]


def check_kept(before: Path, after: Path) -> None:
    known = read_index(before)
    assert known.items() <= read_index(after).items()
    for digest in {entry.sha256 for entry in known.values()}:
        assert audio_path(after, digest).read_bytes() == audio_path(before, digest).read_bytes()
    assert (after / INPUTS_NAME).read_text() == EARLIER
    assert not [name for name in contents(after) if ".tmp-" in name]


def check_completed(command: str, corpus: Path, cache: Path, complete: Path) -> None:
    """The next run makes of a disturbed cache what undisturbed ones make."""
    succeed(*command_line(command, corpus, cache))
    assert is_same(cache, complete, ignore="" if command == GENERATE else INPUTS_NAME)


def one_line(done: subprocess.CompletedProcess, status: int) -> str:
    """The only line beside the progress bar of a run that ended so."""
    assert done.returncode == status, done.stderr
    (line,) = plain_lines(done.stderr)
    assert line.startswith("error: ")
    assert done.stdout == ""
    return line


@functools.cache
def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return (
        subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0
    )


def run_in_namespace(script: str, *arguments, **variables) -> subprocess.CompletedProcess:
    """Run a command from a shell script that may mount things, which nobody else sees."""
    if not may_mount():
        pytest.skip("this user may not mount anything, not even in a namespace of its own")
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, *map(str, arguments)]
    variables = environment(**{name: str(value) for name, value in variables.items()})
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize("command", [UPDATE, REGENERATE, GENERATE])
def test_two_runs_on_a_folder_in_use_say_whose_it_is_and_wait(corpus, complete, earlier, command):
    cache, before = earlier(command)
    how = {"cwd": ROOT, "env": environment(), "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    line = [sys.executable, *map(str, command_line(command, corpus, cache))]
    with folder_lock(cache):
        both = [subprocess.Popen(line, **how) for _ in range(2)]
        for process in both:
            said = next(line for line in process.stderr if "read as" not in line)
            assert f"{cache} is in use by process {os.getpid()}; waiting" in said
        assert is_same(cache, before)
    for process in both:
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
    assert is_same(cache, complete, ignore="" if command == GENERATE else INPUTS_NAME)


@pytest.mark.parametrize("action", [("--evaluate", "--test_speakers", "p225,p226"), ("--get_embeddings", "p225")])
def test_a_reader_waits_for_a_run_and_a_run_for_a_reader(tmp_path, corpus, complete, action):
    cache = Path(shutil.copytree(complete, tmp_path / "cache"))
    how = {"cwd": ROOT, "env": environment(), "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    line = [sys.executable, "cli.py", *action, "--cache_output_dir", str(cache)]
    with folder_lock(cache):
        reader = subprocess.Popen(line, **how)
        assert f"{cache} is in use by process {os.getpid()}; waiting" in reader.stderr.readline()
        shutil.rmtree(cache / "audio")  # as nobody may do who does not hold it
        shutil.copytree(complete / "audio", cache / "audio")
    printed, said = reader.communicate(timeout=PATIENCE)
    assert reader.returncode == 0, said
    assert printed
    with shared_folder_lock(cache):
        writer = subprocess.Popen([sys.executable, *map(str, command_line(UPDATE, corpus, cache))], **how)
        said = next(line for line in writer.stderr if "read as" not in line)
        assert f"{cache} is in use by another process, which reads it; waiting" in said
        assert succeed("cli.py", *action, "--cache_output_dir", cache).stdout == printed
    assert writer.wait(PATIENCE) == 0
    writer.communicate()


@pytest.mark.parametrize("command", [UPDATE, REGENERATE, GENERATE])
def test_a_full_disk_costs_nothing_that_was_there(tmp_path, corpus, complete, earlier, command):
    _, before = earlier(command)
    places = {"FOLDER": tmp_path / "disk", "BEFORE": before, "AFTER": tmp_path / "after"}
    for new in ("disk", "after"):
        (tmp_path / new).mkdir()
    size = sum(-(-len(content) // PAGE) * PAGE for content in contents(before).values()) + SPACE_LEFT
    done = run_in_namespace(SMALL_DISK, *command_line(command, corpus, tmp_path / "disk"), SIZE=size, **places)
    line = one_line(done, 1)
    assert "No space left on device" in line
    assert str(tmp_path / "disk") in line
    check_kept(before, tmp_path / "after")
    check_completed(command, corpus, tmp_path / "after", complete)


@pytest.mark.parametrize("command", [UPDATE, REGENERATE, GENERATE])
def test_a_file_that_can_not_grow_costs_nothing_that_was_there(corpus, complete, earlier, command):
    cache, before = earlier(command)
    new = [one for one in read_index(complete).values() if one.speaker == "p226"]
    longest = max(audio_path(complete, one.sha256).stat().st_size for one in new)
    done = run("-c", LIMITED, longest - 1, *command_line(command, corpus, cache)[1:])
    line = one_line(done, 1)
    assert "File too large" in line
    assert str(cache) in line
    check_kept(before, cache)
    check_completed(command, corpus, cache, complete)


@pytest.mark.parametrize("command", [UPDATE, REGENERATE, GENERATE])
def test_a_read_only_folder_is_one_line(corpus, earlier, command):
    cache, before = earlier(command)
    arguments = command_line(command, corpus, cache)
    if os.geteuid():
        cache.chmod(0o555)
        done = run(*arguments)
        cache.chmod(0o755)
    else:  # whom permissions do not bind
        done = run_in_namespace(READ_ONLY, *arguments, FOLDER=cache)
    assert str(cache) in one_line(done, 1)
    assert is_same(cache, before)


@pytest.mark.parametrize("command", [UPDATE, REGENERATE])
@pytest.mark.parametrize("emptied", [False, True])
def test_a_corpus_that_has_gone_costs_nothing_that_was_cached_of_it(tmp_path, corpus, command, emptied):
    copy, cache = Path(shutil.copytree(corpus, tmp_path / "corpus")), tmp_path / "cache"
    succeed(*command_line(UPDATE, copy, cache))
    shutil.copytree(cache, tmp_path / "before")
    copy.rename(tmp_path / "aside")
    if emptied:  # as the mount point of a disk that is not mounted
        copy.mkdir()
    assert f"{copy}" in one_line(run(*command_line(command, copy, cache)), 1)
    assert is_same(cache, tmp_path / "before")
    elsewhere = run(*command_line(command, tmp_path / "never", cache))
    assert "never does not exist" in one_line(elsewhere, 2)


def test_a_corpus_that_goes_while_it_is_read_costs_nothing_that_was_cached_of_it(tmp_path):
    copy, cache = tmp_path / "corpus", tmp_path / "cache"
    for name in "abc":
        shutil.copytree(VOICES, copy / name)  # 432 files, so that the first entries are long done before the last
    line = [sys.executable, *map(str, command_line(UPDATE, copy, cache, workers=1))]
    with subprocess.Popen(line, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not read_index(cache):
            assert process.poll() is None
        copy.rename(tmp_path / "aside")
        printed, said = process.communicate(timeout=PATIENCE)
    line = one_line(subprocess.CompletedProcess(line, process.returncode, printed.decode(), said.decode()), 1)
    assert f"{copy}/a has gone while it was read" in line
    known = read_index(cache)
    assert all(is_whole(cache, entry) for entry in known.values())
    (tmp_path / "aside").rename(copy)
    done = succeed(*command_line(UPDATE, copy, cache))
    assert 0 < len(known) < 432
    assert f"{len(known)} unchanged" in done.stdout


@pytest.mark.parametrize("command", [UPDATE, REGENERATE])
@pytest.mark.parametrize("place", ["audio", "audio/??", "staging", "index.jsonl"])
def test_a_link_in_the_cache_leads_nobody_outside(tmp_path, corpus, earlier, command, place):
    cache, before = earlier(command)
    outside = tmp_path / "outside"
    if "?" in place:
        place = sorted(cache.glob(place))[0].relative_to(cache)
    if place == "staging":
        outside.mkdir(parents=True)
        temporary_name(outside).touch()
    else:
        (cache / place).rename(outside)
    (cache / place).symlink_to(outside)
    there = contents(outside) if outside.is_dir() else outside.read_bytes()
    assert f"{cache / place} is a symbolic link" in one_line(run(*command_line(command, corpus, cache)), 2)
    assert there == (contents(outside) if outside.is_dir() else outside.read_bytes())
    (cache / place).unlink()
    if place != "staging":
        outside.rename(cache / place)
    assert is_same(cache, before)


@pytest.mark.parametrize("place", ["cache.json", INPUTS_NAME, ".lock", ".lock-holder", "audio/??/*.wav"])
def test_a_file_is_not_written_through_a_link_in_its_place(tmp_path, corpus, earlier, place):
    cache, _ = earlier(GENERATE)
    outside = tmp_path / "outside"
    place = place if "?" not in place else sorted(cache.glob(place))[0].relative_to(cache)
    outside.write_bytes((cache / place).read_bytes() if place == "cache.json" else b"mine")
    there = outside.read_bytes()
    (cache / place).unlink(missing_ok=True)
    (cache / place).symlink_to(outside)
    for command in (UPDATE, GENERATE, REGENERATE):
        done = run(*command_line(command, corpus, cache))
        assert "Traceback" not in done.stderr
        assert outside.read_bytes() == there


def test_speakers_that_are_links_or_named_after_ways_up_are_cached_inside(tmp_path, corpus):
    copy, cache = tmp_path / "copy", tmp_path / "deep" / "cache"
    for name in ("%2e%2e", "a..", "..b", "~", "$HOME"):
        shutil.copytree(corpus / "p225", copy / "x" / name)
    (copy / "link").symlink_to(corpus / "p226")
    done = succeed(*command_line(UPDATE, copy / "x" / "..", cache))
    assert "50 utterances added" in done.stdout  # those of ..b are hidden
    written = list(tmp_path.rglob("*.wav"))
    assert len(written) == 20  # the same ten recordings under four names
    assert all(path.resolve().is_relative_to(cache.resolve()) for path in written)


def test_a_run_that_ends_early_waits_for_its_workers_and_clears_up_after_them(tmp_path, corpus, monkeypatch):
    listing = find_recordings(corpus)
    many = [one._replace(utterance=f"{one.utterance}/{number}") for one in listing.recordings for number in range(20)]

    def fail(*_):
        raise OSError("as when the index can't be written to")

    monkeypatch.setattr("cache.fill.index_line", fail)
    cache = UtteranceCache(tmp_path / "cache")
    with pytest.raises(OSError, match="as when"):
        update(cache, Listing(corpus, many, ""), workers=2)
    assert not (cache.folder / "staging").exists()
