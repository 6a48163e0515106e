"""The digest of a file is that of its content."""

import hashlib

import pytest

from storage.digest import file_sha256


@pytest.mark.parametrize("content", [b"", b"abc", bytes(1 << 20)])
def test_it_is_that_of_the_content(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_without_a_file_there_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        file_sha256(tmp_path / "missing")
