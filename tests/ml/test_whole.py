"""What a full disk leaves: the file that was there before."""

import os
from pathlib import Path

import pytest

from ml import whole
from ml.__main__ import main
from ml.change import error
from ml.measure import neighbours
from ml.sitting import answers, gain
from ml.training import runs
from ml.training.plan import Plan


@pytest.fixture
def full_disk(monkeypatch):
    """Half of each text is written, and then there is no more room."""
    write = Path.write_text

    def half(path, text, **options):
        write(path, text[: len(text) // 2], **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)


@pytest.fixture
def measured(monkeypatch):
    """What takes hours is done in no time."""
    monkeypatch.setattr(error, "measure_error", lambda *_: {"measured": "anew"})
    monkeypatch.setattr(neighbours, "measure", lambda *_: {"measured": "anew"})
    monkeypatch.setattr(gain, "measure", lambda *_: {"measured": "anew"})
    monkeypatch.setattr(gain, "_several", lambda rows, _folds: rows)
    monkeypatch.setattr(answers, "collect", lambda *_: [])
    monkeypatch.setattr(gain, "looks", lambda *_: [])
    monkeypatch.setattr("ml.__main__._held_out", lambda rows, *_, **__: (rows, 0))


@pytest.mark.usefixtures("measured", "full_disk")
@pytest.mark.parametrize("command", ["change", "neighbours", "sitting"])
def test_what_pages_read_stays_whole(command, make_set, tmp_path, capsys):
    """By default it is the file that serves."""
    serves = tmp_path / "serves.json"
    serves.write_bytes(b'{"measured": "before"}')
    data = make_set("mine", [{"image_id": "a", "dx": "nv"}])
    assert main([command, "--data", str(data), "--out", str(serves)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert serves.read_bytes() == b'{"measured": "before"}'
    assert [path.name for path in tmp_path.glob("*.json")] == ["serves.json"]


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("command", ["change", "neighbours", "sitting"])
def test_the_folder_of_what_was_measured_is_made(command, make_set, tmp_path):
    """Not an error at the end, after hours."""
    data, out = make_set("mine", [{"image_id": "a", "dx": "nv"}]), tmp_path / "var/new/out.json"
    assert main([command, "--data", str(data), "--out", str(out)]) == 0
    assert "anew" in out.read_text()


def test_a_run_that_goes_on_keeps_its_plan_and_split(tmp_path, request):
    runs.describe(tmp_path, Plan(), [], "photo", "image_id,dataset,fold\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    request.getfixturevalue("full_disk")
    with pytest.raises(OSError, match="No space left"):
        runs.describe(tmp_path, Plan(), [], "photo", "image_id,dataset,fold\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_no_file_is_written_to_as_it_is(tmp_path):
    """Such as /dev/null, which must stay a device."""
    os.mkfifo(tmp_path / "pipe")
    with whole.written(tmp_path / "pipe") as part:
        assert part.is_fifo()
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_stays_one(tmp_path):
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to("file")
    whole.write_text(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "after"
