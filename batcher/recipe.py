"""What each disturbed copy of a training utterance is made with: utterances, recordings, and random numbers.

What a copy is like depends on the inputs' seed, on whose utterance it is, and on which of its copies: not on the number
of workers. Who and what else is there matters only for what it is mixed with.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from batcher.splits import TRAIN
from batcher.surroundings import NOISE, RESPONSES, SPEECH, Surroundings
from cache.index import Utterance

AT_ONCE = 3  # other speakers, or recordings of speech, that make babble


class Recipe(NamedTuple):
    """How copies are made."""

    copies: int = 0  # of each training utterance
    seed: int = 0
    noises: Surroundings | None = None
    responses: Surroundings | None = None


NO_COPIES = Recipe()


class Ingredients(NamedTuple):
    """What one copy may be mixed with."""

    others: tuple[Utterance, ...]  # of other training speakers, for babble
    noises: tuple[Path, ...] = ()  # the first, or if they are speech, all of them together
    noises_are_speech: bool = False
    response: Path | None = None


class Plan(NamedTuple):
    """An utterance, and what each of its copies is made with."""

    utterance: Utterance
    seed: int = 0
    copies: tuple[Ingredients, ...] = ()


def plans(chosen: Sequence[Utterance], sides: Sequence[str], recipe: Recipe) -> Iterator[Plan]:
    """Of each utterance in turn; those on the test side have no copies.

    Args:
        chosen: sorted by speaker, of two speakers or more.
        sides: of each, "train" or "test".
    """
    training = [utterance for utterance, side in zip(chosen, sides) if side == TRAIN]
    places = {speaker: list(group) for speaker, group in groupby(range(len(training)), lambda n: training[n].whose)}
    for utterance, side in zip(chosen, sides):
        if side != TRAIN or not recipe.copies:
            yield Plan(utterance)
            continue
        first, count = places[utterance.whose][0], len(places[utterance.whose])
        rng = generator_of(utterance, recipe.seed, 0)
        numbers = rng.integers(0, len(training) - count, (recipe.copies, AT_ONCE))
        others = [[training[number if number < first else number + count] for number in row] for row in numbers]
        yield Plan(utterance, recipe.seed, tuple(_ingredients(tuple(babble), recipe, rng) for babble in others))


def _ingredients(others: tuple[Utterance, ...], recipe: Recipe, rng: np.random.Generator) -> Ingredients:
    kind, noises = recipe.noises.draw(AT_ONCE, rng) if recipe.noises else (NOISE, ())
    _, responses = recipe.responses.draw(1, rng) if recipe.responses else (RESPONSES, (None,))
    return Ingredients(others, noises if kind == SPEECH else noises[:1], kind == SPEECH, responses[0])


def generator_of(utterance: Utterance, seed: int, purpose: int) -> np.random.Generator:
    """Random numbers for an utterance and a purpose, the same in every run, and in every cache with the utterance."""
    identity = hashlib.sha256(json.dumps(utterance.key).encode()).digest()
    return np.random.default_rng([seed, purpose, int.from_bytes(identity[:16])])
