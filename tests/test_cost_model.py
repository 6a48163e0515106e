"""docs/scaling.md says what the cost model prints of the measurements beside it."""

import json
import sys
from itertools import pairwise

import pytest
from command_line import ROOT, run

sys.path.append(str(ROOT / "benchmarks"))
from cost_model import CORPORA, WORKERS, Model, line_through, ring

MEASURED, DOCUMENT = ROOT / "docs" / "scaling.jsonl", ROOT / "docs" / "scaling.md"


def test_the_document_holds_the_tables_that_the_model_prints():
    done = run("benchmarks/cost_model.py", MEASURED)
    assert done.returncode == 0, done.stderr
    text = DOCUMENT.read_text(encoding="utf-8")
    assert done.stderr.splitlines()
    for line in done.stderr.splitlines():
        assert line in text


def test_more_workers_take_no_longer_and_larger_corpora_do():
    lines = [json.loads(line) for line in MEASURED.read_text(encoding="utf-8").splitlines()]
    model = Model.fitted(lines)
    rows = [[model.forecast(corpus, workers) for workers in WORKERS] for corpus in CORPORA]
    for of_corpus in rows:
        for fewer, more in pairwise(of_corpus):
            assert more["cache_hours"] <= fewer["cache_hours"]
            assert more["inputs_hours"] == pytest.approx(fewer["inputs_hours"] * fewer["workers"] / more["workers"])
    for smaller, larger in zip(rows, rows[1:]):
        assert all(
            small[name] < large[name] for small, large in zip(smaller, larger) for name in ("cache_gb", "inputs_gb")
        )


def test_a_line_is_found_through_points_on_it():
    line = line_through([{"size": size, "figure": 3 * size + 2} for size in (1, 2, 5)], "size", "figure")
    assert (line.each, line.always, line.at(10)) == pytest.approx((3, 2, 32))


def test_a_worker_alone_sends_nothing_and_two_send_all_once():
    assert (ring(1), ring(2), ring(64)) == pytest.approx((0, 1, 1.96875))
