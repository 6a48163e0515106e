"""The cast of synthetic speakers: espeak-ng settings, not descriptions of people.

The names p225 to p364 are ids of the VCTK corpus, borrowed only so that commands written for VCTK run on these samples;
a voice here has nothing to do with the person VCTK gave that id, not even the sex. PhilippeRemy is likewise only the
name of a folder.
"""

from dataclasses import dataclass

DEMO_SPEAKER = "PhilippeRemy"


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker; pitch is in espeak-ng units (0 to 99), speed in words per minute."""

    name: str
    accent: str
    variant: str
    pitch: int
    speed: int
    tract: float  # formants are multiplied by it: above 1 a shorter vocal tract, below 1 a longer one


# A voice's place in this tuple seeds it: append, never reorder.
VOICES = (
    Voice("p225", "en-gb-scotland", "f2", 52, 168, 1.00),
    Voice("p226", "en-us-nyc", "m3", 42, 172, 0.86),
    Voice("p227", "en-gb-x-gbcwmd", "m7", 50, 166, 1.07),
    Voice("p228", "en-us", "Andrea", 44, 162, 1.07),
    Voice("p229", "en-029", "f4", 38, 172, 1.14),
    Voice("p230", "en-gb-x-gbclan", "f3", 58, 164, 0.95),
    Voice("p231", "en-us-nyc", "m2", 54, 174, 1.00),
    Voice("p232", "en-gb", "m4", 45, 162, 0.93),
    Voice("p233", "en-gb-x-rp", "Annie", 46, 170, 1.14),
    Voice("p362", "en-us", "f1", 62, 166, 1.14),
    Voice("p363", "en-gb-x-gbcwmd", "m8", 40, 168, 0.86),
    Voice("p364", "en-gb-scotland", "michel", 55, 168, 1.14),
    Voice(DEMO_SPEAKER, "en-gb-x-rp", "max", 44, 182, 1.10),
)
