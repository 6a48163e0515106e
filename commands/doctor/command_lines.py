"""Lines for a shell that can be pasted as they are: every word is quoted, and names what it needs by its whole path."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import entry_point

ROOT = Path(entry_point.__file__).resolve().parent  # of the repository, or of the installed package
IN_REPOSITORY = (ROOT / "pyproject.toml").is_file()

Word = str | Path


def line(*words: Word) -> str:
    """A command of these words."""
    texts = list(map(str, words))
    return subprocess.list2cmdline(texts) if os.name == "nt" else " ".join(map(_quoted, texts))


def in_turn(*lines: str) -> str:
    """Commands of which each is run if the one before went well."""
    return " && ".join(lines)


def own(*words: Word) -> str:
    """A command of `cli.py`."""
    return _of_program("cli", words)


def own_training(*words: Word) -> str:
    """A command of `train_cli.py`."""
    return _of_program("train_cli", words)


def pip_install(*words: Word) -> str:
    """Install packages into the environment that runs this."""
    return line(sys.executable, "-m", "pip", "install", *words)


def _of_program(module: str, words: tuple[Word, ...]) -> str:
    program = [str(ROOT / f"{module}.py")] if IN_REPOSITORY else ["-m", f"deep_speaker.{module}"]
    return line(sys.executable, *program, *_joined(words))


def _joined(words: tuple[Word, ...]) -> list[str]:
    """The words; a value that could be taken for a flag is joined to its flag by `=`."""
    joined: list[str] = []
    for word in map(str, words):
        if word.startswith("-") and not word.startswith("--") and joined:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _quoted(word: str) -> str:
    """A word for a shell; where it holds what no terminal prints, byte by byte, as bash, zsh and ksh read it."""
    if word.isprintable():
        return shlex.quote(word)
    plain = set(range(0x20, 0x7F)) - set(b"'\\")
    return "$'" + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in os.fsencode(word)) + "'"
