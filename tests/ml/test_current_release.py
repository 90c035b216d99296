"""Every process answers by the release that lies in the folder, from its next picture on."""

import json
import os
import shutil

import pytest

from ml import release


@pytest.fixture
def folder(tmp_path, monkeypatch):
    mine = shutil.copytree(release.RELEASE, tmp_path / "release")
    monkeypatch.setattr(release, "RELEASE", mine)
    return mine


def put(folder, **changes):
    """A new card, by a later second than the one before."""
    card = json.loads((folder / "model.json").read_text()) | changes
    (folder / "model.json").write_text(json.dumps(card))
    later = (folder / "model.json").stat().st_mtime + 5
    os.utime(folder / "model.json", (later, later))


def test_a_new_release_is_noticed_and_an_old_one_read_once(folder):
    first = release.current()
    assert release.current() is first
    put(folder, version="2099.1.1")
    assert release.current().version == "2099.1.1"


def test_while_a_new_one_is_incomplete_the_one_before_answers(folder, caplog):
    first = release.current()
    put(folder, version="2099.1.1", files={"litert": {"name": "skincare.tflite", "sha256": "0"}})
    assert release.current() is first
    assert "checksum" in caplog.text
    (folder / "model.json").unlink()
    assert release.current() is first


@pytest.mark.parametrize("card", ["[]", "{}", '{"version": "2099.1.1", "files": {}}', "null"])
def test_while_the_card_is_none_the_one_before_answers(folder, card, caplog):
    first = release.current()
    (folder / "model.json").write_text(card)
    assert release.current() is first
    assert "model.json lacks" in caplog.text
    with pytest.raises(release.ReleaseError, match=r"model.json lacks"):
        release.Release.read(folder)


def test_a_second_reader_whose_file_is_missing_is_incomplete_too(folder, caplog):
    first = release.current()
    files = dict(first.card["files"])
    files["second_reader_litert"] = {"name": "second-reader.tflite", "sha256": "0"}
    put(folder, version="2099.1.1", files=files)
    assert release.current() is first
    assert "no model for second_reader_litert" in caplog.text


def test_where_there_is_none_it_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr(release, "RELEASE", tmp_path / "nothing")
    with pytest.raises(release.ReleaseError, match="nothing: no released model here"):
        release.current()


def test_a_file_that_the_card_does_not_name_is_refused(folder):
    with pytest.raises(release.ReleaseError, match="no model for abacus"):
        release.Release.read(folder).content("abacus")
