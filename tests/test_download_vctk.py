"""download_vctk.sh against a local HTTP server that serves a tiny zip of VCTK's shape; nothing leaves the machine."""

import hashlib
import http.server
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "download_vctk.sh"
ARCHIVE_PATHS = {"0.92": "/10283/3443/VCTK-Corpus-0.92.zip", "0.80": "/10283/2651/VCTK-Corpus.zip"}
AUDIO_MEMBERS = {"0.92": "wav48_silence_trimmed/p225/p225_001_mic1.flac", "0.80": "wav48/p225/p225_001.wav"}
AUDIO = bytes(range(256)) * 64  # 16 kB
TIMEOUT = 10  # s, of one run; reached only when a test fails

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl"))), reason="download_vctk.sh needs bash and curl"
)


def make_archive(members):
    """Returns the bytes of a zip with `members`, a dict of name to content, stored uncompressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def vctk_archive(version):
    prefix = "" if version == "0.92" else "VCTK-Corpus/"
    text_member = f"{prefix}txt/p225/p225_001.txt"
    return make_archive({text_member: "Please call Stella.", prefix + AUDIO_MEMBERS[version]: AUDIO})


class VctkServer(http.server.ThreadingHTTPServer):
    """Serves `body` at every path, and misbehaves on demand."""

    daemon_threads = True

    def __init__(self, body):
        super().__init__(("127.0.0.1", 0), VctkHandler)
        self.body = body
        self.status = 200  # anything else is answered with an error
        self.head_status = 200
        self.ranges = True  # honour Range requests
        self.announces = "length"  # how long a body is; or "chunks" tell, or "nothing" but the end of the connection
        self.cuts = []  # bytes after which the next bodies are cut, one per GET
        self.ends_early = False  # with chunks: a cut body is ended properly, as a proxy does that lost its own server
        self.hang = threading.Event()  # set: stall in the middle of a body, until cleared through `release`
        self.release = threading.Event()
        self.stalled = threading.Event()
        self.requests = []  # (method, path, Range header, body bytes sent)

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def gets(self):
        return [request for request in self.requests if request[0] == "GET"]


class VctkHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.server.requests.append(("HEAD", self.path, None, 0))
        if self.server.status != 200 or self.server.head_status != 200:
            self.send_error(max(self.server.status, self.server.head_status))
        else:
            self.send_headers(200, len(self.server.body))

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
        body = server.body[start:]
        if wanted and server.ranges and not body:
            server.requests.append(("GET", self.path, wanted, 0))
            return self.send_error(416)
        sent = body[: server.cuts.pop(0)] if server.cuts else body
        server.requests.append(("GET", self.path, wanted, len(sent) if server.status == 200 else 0))
        if server.status != 200:
            return self.send_error(server.status)
        self.send_headers(206 if wanted and server.ranges else 200, len(body), start)
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):  # the client was interrupted, or cannot resume
            if server.announces == "chunks":
                end = b"\r\n0\r\n\r\n" if sent == body or server.ends_early else b""
                sent = b"%x\r\n%s%s" % (len(sent) if end else len(body), sent, end)
            self.send_body(sent)

    def send_headers(self, status, length, start=0):
        if self.server.announces == "chunks":
            self.protocol_version = "HTTP/1.1"
        self.send_response(status)
        if self.server.announces == "length":
            self.send_header("Content-Length", str(length))
        elif self.server.announces == "chunks":
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        if status == 206:
            size = len(self.server.body)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()

    def send_body(self, body):
        if self.server.hang.is_set():
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.stalled.set()
            self.server.release.wait(TIMEOUT)
        else:
            self.wfile.write(body)


@pytest.fixture
def server():
    server = VctkServer(vctk_archive("0.92"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


class Download:
    """One data folder, and the script run on it."""

    def __init__(self, folder, url):
        self.folder = folder
        self.environment = dict(
            os.environ, DS_DIR=str(folder), VCTK_URL=url, VCTK_SIZE="", VCTK_SHA256="", VCTK_RETRY_WAIT="0"
        )
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            self.environment.pop(name, None)

    @property
    def corpus(self):
        return self.folder / "VCTK-Corpus"

    def archive(self, version="0.92"):
        return self.folder / f"VCTK-Corpus-{version}.zip"

    def part(self, version="0.92"):
        return self.folder / f"VCTK-Corpus-{version}.zip.part"

    def start(self, *arguments):
        # A session of its own, so that SIGINT reaches the script and curl together, as Ctrl-C in a terminal does.
        return subprocess.Popen(
            [shutil.which("bash"), str(SCRIPT), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments):
        process = self.start(*arguments)
        try:
            stdout, stderr = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def assert_fails(self, code, *phrases, arguments=()):
        """Runs, and expects exit `code` with exactly one error line, which holds `phrases`, and no corpus."""
        result = self.run(*arguments)
        errors = [line for line in result.stderr.splitlines() if line.startswith("download_vctk: error: ")]
        assert (result.returncode, len(errors)) == (code, 1), result.stderr
        assert all(phrase in errors[0] for phrase in phrases), errors[0]
        assert not list(self.folder.glob("VCTK-Corpus/wav48*"))
        assert not list(self.folder.glob(".VCTK-Corpus.unpacking"))
        return result


@pytest.fixture
def download(tmp_path, server):
    folder = tmp_path / "data folder"  # the space is deliberate
    folder.mkdir()
    return Download(folder, server.url())


def only_tools(folder, *names):
    """Returns a PATH on which only `names` exist."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def add_tool(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("version", ["0.92", "0.80"])
def test_fresh_download_unpacks_both_layouts(download, server, version):
    server.body = vctk_archive(version)
    result = download.run("--version", version)
    assert result.returncode == 0, result.stderr
    assert (download.corpus / AUDIO_MEMBERS[version]).read_bytes() == AUDIO
    assert (download.corpus / "txt/p225/p225_001.txt").is_file()
    assert download.archive(version).read_bytes() == server.body
    assert {path for _, path, _, _ in server.requests} == {ARCHIVE_PATHS[version]}
    leftovers = {path.name for path in download.folder.iterdir()} - {".download_vctk.lock"}
    assert leftovers == {"VCTK-Corpus", download.archive(version).name}


@pytest.mark.parametrize(("version", "licence"), [("0.92", "CC BY 4.0"), ("0.80", "ODC-By 1.0")])
def test_states_licence_citation_and_next_command(download, server, version, licence):
    server.body = vctk_archive(version)
    lines = download.run(f"--version={version}").stdout.splitlines()
    assert licence in lines[0]
    assert lines[1].startswith("Cite: ") and "https://doi.org/10.7488/ds/" in lines[1]
    assert "python cli.py --regenerate_full_cache --multi_threading --cache_output_dir " in lines[-1]
    assert lines[-1].endswith("data\\ folder/VCTK-Corpus")


def test_delete_archive(download):
    assert download.run("--delete_archive").returncode == 0
    assert not download.archive().exists()
    assert (download.corpus / AUDIO_MEMBERS["0.92"]).is_file()


def test_resumes_partial_download(download, server):
    half = len(server.body) // 2
    download.part().write_bytes(server.body[:half])
    assert download.run().returncode == 0
    assert server.gets() == [("GET", ARCHIVE_PATHS["0.92"], f"bytes={half}-", len(server.body) - half)]
    assert (download.corpus / AUDIO_MEMBERS["0.92"]).read_bytes() == AUDIO


def test_complete_part_is_not_fetched_again(download, server):
    download.part().write_bytes(server.body)
    assert download.run().returncode == 0
    assert server.gets() == []


def test_archive_of_an_earlier_run_is_not_fetched_again(download, server):
    download.archive().write_bytes(server.body)
    assert download.run().returncode == 0
    assert server.requests == []


def test_server_without_ranges_starts_anew(download, server):
    server.ranges = False
    download.part().write_bytes(server.body[:1000])
    result = download.run()
    assert result.returncode == 0, result.stderr
    assert "cannot resume" in result.stderr
    assert [wanted for _, _, wanted, _ in server.gets()] == ["bytes=1000-", None]


def test_cut_transfers_are_retried(download, server):
    server.cuts = [5000, 0, 3000]
    assert download.run().returncode == 0
    assert [wanted for _, _, wanted, _ in server.gets()] == [None, "bytes=5000-", "bytes=5000-", "bytes=8000-"]


def test_truncated_body_keeps_part(download, server):
    server.cuts = [5000] + [0] * 20
    download.assert_fails(1, "cut after 5000 bytes", "run again")
    assert download.part().stat().st_size == 5000
    assert len(server.gets()) < 10  # it gives up


def test_cuts_without_ranges_give_up(download, server):
    server.ranges = False
    server.cuts = [5000] * 40
    download.assert_fails(1, "run again")
    assert len(server.gets()) < 20


CUT = ("nothing", "chunks", "chunks of a proxy")  # what announces a body's length, where a cut may look like its end


@pytest.fixture(params=CUT)
def vague(request, server):
    """The server, when it says nothing of a body's length in advance."""
    server.announces = request.param.split()[0]
    server.ends_early = request.param.endswith("proxy")
    return server


def test_a_body_of_unannounced_length_is_fetched(download, vague):
    assert download.run().returncode == 0
    assert len(vague.gets()) == 1
    assert (download.corpus / AUDIO_MEMBERS["0.92"]).read_bytes() == AUDIO


def test_a_cut_of_unannounced_length_is_resumed(download, vague):
    vague.cuts = [1, 5000, 3000, 0, 0, 2000]
    result = download.run()
    assert result.returncode == 0, result.stderr
    starts = [None, 1, 5001, 8001, 8001, 8001, 10001]
    assert [wanted for _, _, wanted, _ in vague.gets()] == [start and f"bytes={start}-" for start in starts]
    assert (download.corpus / AUDIO_MEMBERS["0.92"]).read_bytes() == AUDIO


def test_a_cut_of_unannounced_length_keeps_the_part_and_the_next_run_resumes(download, vague):
    vague.cuts = [5000] + [0] * 20
    download.assert_fails(1, "cut after 5000 bytes", "run again to resume")
    assert download.part().read_bytes() == vague.body[:5000]
    assert len(vague.gets()) < 10
    vague.cuts = []
    assert download.run().returncode == 0


@pytest.mark.parametrize("announced", [True, False])
def test_a_size_that_is_known_beforehand_tells_of_a_cut_too(download, vague, announced):
    download.environment["VCTK_SIZE"] = str(len(vague.body)) if announced else ""
    vague.cuts = [5000]
    assert download.run().returncode == 0
    assert [wanted for _, _, wanted, _ in vague.gets()] == [None, "bytes=5000-"]


def test_a_cut_of_unannounced_length_without_ranges_starts_anew(download, vague):
    vague.ranges = False
    vague.cuts = [5000]
    result = download.run()
    assert result.returncode == 0, result.stderr
    assert "cannot resume" in result.stderr
    assert [wanted for _, _, wanted, _ in vague.gets()] == [None, "bytes=5000-", None]


def test_an_empty_answer_of_unannounced_length_is_asked_for_again(download, vague):
    vague.cuts = [0]
    assert download.run().returncode == 0
    assert len(vague.gets()) == 2


def test_a_complete_part_of_unannounced_length_is_not_fetched_again(download, vague):
    vague.ranges = False  # it would be deleted
    download.part().write_bytes(vague.body)
    assert download.run().returncode == 0
    assert vague.gets() == []


def test_a_page_of_unannounced_length_is_refused(download, vague):
    vague.body = b"<html>Down for maintenance</html>"
    download.assert_fails(1, "damaged (", "run again")
    assert not download.part().exists()


@pytest.mark.parametrize("extra", [0, 100])
def test_a_part_without_an_end_of_which_the_server_has_no_more_is_damaged(download, vague, extra):
    download.part().write_bytes(vague.body[:2000] + bytes(len(vague.body) - 2000 + extra))
    result = download.assert_fails(1, "damaged (", "run again")
    assert "()" not in result.stderr
    assert len(vague.gets()) == 1
    assert not download.part().exists()
    assert download.run().returncode == 0


@pytest.mark.parametrize("length", [0, 5000])
def test_a_torn_archive_of_the_user_is_refused_with_a_reason(download, server, length):
    download.archive().write_bytes(server.body[:length])
    result = download.assert_fails(1, "damaged (", "delete it")
    assert "()" not in result.stderr


@pytest.mark.parametrize("command", ["-tqq", "-qq"])
def test_a_tool_that_fails_without_a_word_is_not_quoted(download, tmp_path, command):
    tools = tmp_path / "tools"
    add_tool(tools, "unzip", f'[ "$1" != {command} ] || {{ echo; exit 9; }}; exec {shutil.which("unzip")} "$@"')
    download.environment["PATH"] = f"{tools}:{os.environ['PATH']}"
    download.assert_fails(1, "no reason was given")


def test_corrupt_archive_is_refused(download, server):
    start = server.body.index(AUDIO)
    server.body = server.body[:start] + b"noise" + server.body[start + 5 :]
    download.assert_fails(1, "damaged", "run again")
    assert not download.part().exists() and not download.archive().exists()


def test_page_instead_of_archive_is_refused(download, server):
    server.body = b"<html>Down for maintenance</html>"
    download.assert_fails(1, "damaged")


def test_corrupt_archive_of_the_user_is_kept(download):
    download.archive().write_bytes(b"not a zip")
    download.assert_fails(1, "damaged", "delete it")
    assert download.archive().read_bytes() == b"not a zip"


@pytest.mark.parametrize("right", [True, False])
def test_sha256_is_checked(download, server, right):
    download.environment["VCTK_SHA256"] = hashlib.sha256(server.body if right else b"").hexdigest()
    if right:
        assert download.run().returncode == 0
    else:
        download.assert_fails(1, "SHA-256")


@pytest.mark.parametrize("head_status", [200, 405])
def test_known_size_is_checked(download, server, head_status):
    server.head_status = head_status  # without HEAD, the mismatch shows after the download only
    download.environment["VCTK_SIZE"] = str(len(server.body) + 1)
    download.assert_fails(1, str(len(server.body)), str(len(server.body) + 1))


def test_published_size_is_checked_by_default(download, server):
    for name in ("VCTK_SIZE", "VCTK_SHA256"):
        del download.environment[name]
    download.assert_fails(1, "size mismatch", "expected 11747302977")
    assert server.gets() == []


def test_server_without_head(download, server):
    server.head_status = 405
    assert download.run().returncode == 0


@pytest.mark.parametrize(("status", "gets"), [(404, 1), (503, 5)])
def test_http_errors(download, server, status, gets):
    server.status = status
    download.assert_fails(1, f"HTTP {status}")
    assert len(server.gets()) == gets  # only a server error is worth another attempt
    assert not download.part().exists()


def test_connection_refused(download, server):
    server.shutdown()
    server.server_close()
    download.assert_fails(1, "connection refused", "check the connection")


def test_unknown_host(download):
    download.environment["VCTK_URL"] = "http://vctk.invalid:1"  # RFC 2606: .invalid never resolves
    download.assert_fails(1, "cannot resolve", "DNS")


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["--vresion", "0.92"], "--vresion"),
        (["--version", "0.91"], "0.91"),
        (["--version"], "0.92 or 0.80"),
        (["0.92"], "unknown argument"),
    ],
)
def test_wrong_usage(download, server, arguments, phrase):
    download.assert_fails(2, phrase, arguments=arguments)
    assert server.requests == []


def test_wrong_size_setting(download):
    download.environment["VCTK_SIZE"] = "11.7GB"
    download.assert_fails(2, "VCTK_SIZE", "11.7GB")


def test_help(download, server):
    result = download.run("--help")
    assert result.returncode == 0 and result.stdout.startswith("Usage: ./download_vctk.sh")
    assert server.requests == []


@pytest.mark.parametrize("version", ["0.92", "0.80"])
def test_existing_corpus_is_left_alone(download, server, version):
    audio = download.corpus / AUDIO_MEMBERS[version]
    audio.parent.mkdir(parents=True)
    audio.write_bytes(AUDIO)
    result = download.run()
    assert result.returncode == 0 and "already holds wav48" in result.stderr
    assert "python cli.py" in result.stdout
    assert server.requests == []
    assert [path.name for path in download.folder.iterdir()] == ["VCTK-Corpus"]


@pytest.mark.parametrize("kind", ["folder", "empty wav48", "file", "dangling link"])
def test_something_else_in_place_is_refused(download, server, kind):
    if kind == "folder":
        (download.corpus / "thesis").mkdir(parents=True)
    elif kind == "empty wav48":
        (download.corpus / "wav48").mkdir(parents=True)
    elif kind == "file":
        download.corpus.write_text("thesis")
    else:
        download.corpus.symlink_to("nowhere")
    result = download.run()
    assert result.returncode == 2 and "holds no VCTK audio" in result.stderr
    assert server.requests == []
    assert [path.name for path in download.folder.iterdir()] == ["VCTK-Corpus"]


def test_empty_folder_in_place_is_used(download):
    download.corpus.mkdir()
    assert download.run().returncode == 0
    assert (download.corpus / AUDIO_MEMBERS["0.92"]).is_file()


@pytest.mark.parametrize("member", ["../evil.txt", "txt/../../evil.txt", "/nowhere/evil.txt", "..\\evil.txt"])
def test_members_outside_the_corpus_are_refused(download, server, member):
    server.body = make_archive({AUDIO_MEMBERS["0.92"]: AUDIO, member: "evil"})
    download.assert_fails(1, f"'{member}'", "outside the corpus folder")
    assert not list(download.folder.parent.rglob("evil.txt"))


def test_names_with_dots_are_not_mistaken_for_parents(download, server):
    server.body = make_archive({AUDIO_MEMBERS["0.92"]: AUDIO, "txt/p225/wait...what..txt": "fine"})
    assert download.run().returncode == 0


def test_symbolic_links_are_refused(download, server):
    link = zipfile.ZipInfo("txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16  # Unix, symbolic link
    server.body = make_archive({AUDIO_MEMBERS["0.92"]: AUDIO, link: "/etc"})
    if not shutil.which("unzip"):
        pytest.skip("Python's zipfile writes links as plain files")
    download.assert_fails(1, "symbolic links")


def test_zip_without_audio_is_refused(download, server):
    server.body = make_archive({"README.txt": "hello"})
    download.assert_fails(1, "not VCTK")


def test_interrupt_keeps_part_and_next_run_resumes(download, server):
    server.body = make_archive({AUDIO_MEMBERS["0.92"]: AUDIO * 32})  # larger than curl's write buffer
    server.hang.set()
    process = download.start()
    assert server.stalled.wait(TIMEOUT)
    while not download.part().exists() or not download.part().stat().st_size:
        with pytest.raises(subprocess.TimeoutExpired):  # it is still running
            process.wait(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130 and "run the same command again" in stderr
    kept = download.part().stat().st_size
    assert 0 < kept <= len(server.body) // 2
    assert not download.corpus.exists()

    server.hang.clear()
    assert download.run().returncode == 0
    assert server.gets()[-1][2:] == (f"bytes={kept}-", len(server.body) - kept)
    assert (download.corpus / AUDIO_MEMBERS["0.92"]).read_bytes() == AUDIO * 32


def test_interrupted_unpacking_leaves_no_corpus(download, tmp_path):
    tools = tmp_path / "tools"
    # Unpacks for real, then interrupts the session before the rename.
    add_tool(tools, "unzip", f'{shutil.which("unzip")} "$@"; case $1 in -qq) kill -INT 0 ;; esac')
    download.environment["PATH"] = f"{tools}:{os.environ['PATH']}"
    assert download.run().returncode == 130
    assert not download.corpus.exists() and not (download.folder / ".VCTK-Corpus.unpacking").exists()
    assert download.archive().exists()


def test_staging_folder_of_a_killed_run_is_replaced(download):
    staging = download.folder / ".VCTK-Corpus.unpacking"
    (staging / "wav48_silence_trimmed").mkdir(parents=True)
    (staging / "half.flac").write_bytes(b"half")
    assert download.run().returncode == 0
    assert not (download.corpus / "half.flac").exists() and not staging.exists()


def test_full_disk_is_noticed_beforehand(download, server, tmp_path):
    add_tool(tmp_path / "tools", "df", "echo Filesystem 1024-blocks Used Available; echo disk 100 90 10 90% /")
    download.environment["PATH"] = f"{tmp_path / 'tools'}:{os.environ['PATH']}"
    download.assert_fails(1, "disk:", "0 MB free", "DS_DIR")
    assert server.gets() == []


def test_unwritable_folder(download, tmp_path):
    (tmp_path / "file").write_text("")
    download.environment["DS_DIR"] = str(tmp_path / "file" / "data")
    download.assert_fails(1, "cannot write", "DS_DIR")


def test_missing_tools_name_their_package(download, tmp_path):
    download.environment["PATH"] = only_tools(tmp_path / "without_curl", "bash", "ls", "find")
    download.assert_fails(1, "curl is missing", "apt-get install curl")
    download.environment["PATH"] = only_tools(tmp_path / "without_unzip", "bash", "ls", "find", "curl")
    download.assert_fails(1, "unzip is missing", "apt-get install unzip")


@pytest.mark.parametrize("corrupt", [False, True])
def test_python_unpacks_without_unzip(download, server, tmp_path, corrupt):
    tools = tmp_path / "tools"
    download.environment["PATH"] = only_tools(
        tools, "bash", "curl", "tr", "wc", "awk", "find", "df", "mkdir", "rm", "mv", "tail", "dirname"
    )
    add_tool(tools, "python3", f'exec "{sys.executable}" "$@"')
    if corrupt:
        server.body = server.body.replace(AUDIO[:100], bytes(100), 1)
        download.assert_fails(1, "damaged")
    else:
        assert download.run().returncode == 0
        assert (download.corpus / AUDIO_MEMBERS["0.92"]).read_bytes() == AUDIO


def test_second_run_at_the_same_time_is_refused(download, server):
    if not shutil.which("flock"):
        pytest.skip("the lock needs flock")
    server.hang.set()
    first = download.start()
    assert server.stalled.wait(TIMEOUT)
    download.assert_fails(1, "another download_vctk.sh")
    os.killpg(first.pid, signal.SIGINT)
    first.communicate(timeout=TIMEOUT)
