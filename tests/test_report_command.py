"""What --report and --report_dir refuse before any work is done, and what they write."""

import argparse
import shutil

import pytest
from scored import evaluated

from cache.utterances import UtteranceCache
from commands.report import check_report, histories_of, write_reports
from models.onnx_file import BUNDLED
from storage.errors import UserError


def asked(report=None, report_dir=None, silent=False) -> argparse.Namespace:
    return argparse.Namespace(report=report, report_dir=report_dir, report_without_audio=silent)


def test_both_are_written(tmp_path, cache_template, caplog):
    cache, args = UtteranceCache.open(cache_template), asked(tmp_path / "r.HTML", tmp_path / "pictures", silent=True)
    check_report(args)
    write_reports(args, evaluated(cache), {}, cache, BUNDLED)
    assert "data:audio" not in args.report.read_text(encoding="utf-8")
    assert len(list(args.report_dir.glob("*.png"))) == 4 + 7  # of the corpus, without ratios, and of two stages


def test_what_is_not_asked_for_is_not_written(tmp_path):
    check_report(asked())
    write_reports(asked(), None, {}, None, BUNDLED)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["report", "report.txt", ".html/"])
def test_a_page_ends_in_html(tmp_path, name):
    with pytest.raises(UserError, match=r"expected --report to end in \.html"):
        check_report(asked(tmp_path / name))


def test_a_page_is_not_written_to_a_folder_that_is_missing(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        check_report(asked(tmp_path / "missing" / "report.html"))


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="holds other files"):
        check_report(asked(report_dir=tmp_path))


def test_a_checkpoint_has_the_histories_of_all_stages_of_its_run(tmp_path):
    for stage in ("triplet", "softmax", "softmax.1", "other"):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "history.csv").write_text("")
    found = histories_of(tmp_path / "triplet" / "last.npz")
    assert [path.parent.name for path in found] == ["softmax", "triplet"]


def test_the_bundled_network_has_those_that_stand_beside_it():
    assert [path.name for path in histories_of(BUNDLED)] == ["softmax.history.csv", "triplet.history.csv"]


def test_a_network_elsewhere_has_none(tmp_path):
    network = shutil.copy(BUNDLED, tmp_path / "network.onnx")
    assert histories_of(network) == []
