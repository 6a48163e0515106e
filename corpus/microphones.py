"""VCTK 0.92's two microphones: each utterance was recorded with both, as `p225_001_mic1` and `p225_001_mic2`."""

import re
from pathlib import Path

TWO_MICROPHONES_FOLDER = "wav48_silence_trimmed"  # VCTK 0.92's
BOTH = "both"

_MICROPHONE = re.compile(r"_(mic[12])$")


def of_microphone(folder: Path, names: list[str], microphone: str) -> list[str]:
    """Leave out the recordings of the other microphone.

    Outside VCTK's folder, a recording is left out only if the other microphone's stands beside it: a lone `_mic2` is a
    name like any other.

    Args:
        folder: where the recordings are.
        names: of the recordings.
        microphone: mic1, mic2 or both.
    """
    if not any("_mic" in name for name in names):
        return names
    stems = {name.rpartition(".")[0] for name in names}
    two_microphones = TWO_MICROPHONES_FOLDER in folder.parts

    def is_wanted(stem: str) -> bool:
        match = _MICROPHONE.search(stem)
        if match is None or microphone in (match[1], BOTH):
            return True
        return not two_microphones and f"{stem[: match.start()]}_{microphone}" not in stems

    return [name for name in names if is_wanted(name.rpartition(".")[0])]
