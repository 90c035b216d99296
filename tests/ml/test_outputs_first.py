"""Where something is to be written is looked at before the work, which may take hours."""

import os
from pathlib import Path

import pytest

from ml import datasets, whole
from ml.__main__ import main
from ml.training import runs

FILES = {"evaluate": "--json", "change": "--out", "sitting": "--out", "neighbours": "--out"}
FOLDERS = {
    "summarise": "--report",
    "evaluate": "--report",
    "pack": "--out",
    "train": "--out",
    "unfold": "--out",
    "calibrate": "--out",
}


@pytest.fixture
def nothing_is_read(monkeypatch) -> None:
    def read(*_, **__):
        raise AssertionError("the work has begun")

    monkeypatch.setattr(datasets, "read", read)
    monkeypatch.setattr(runs, "pictures", read)


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize(("command", "option"), [*FILES.items(), *FOLDERS.items()], ids=str)
def test_below_a_file_nothing_can_be_written(command, option, tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("a letter")
    out = tmp_path / "letter.txt/deeper/out"
    assert main([command, "--data", str(tmp_path), option, str(out)]) == 1
    assert f"{tmp_path}/letter.txt" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize(("command", "option"), FILES.items(), ids=str)
def test_a_folder_is_not_a_file(command, option, tmp_path, capsys):
    assert main([command, "--data", str(tmp_path), option, str(tmp_path)]) == 1
    assert f"Is a directory: '{tmp_path}'" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize("command", ["blend", "release"])
def test_a_run_is_not_measured_for_a_place_that_takes_nothing(command, tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("a letter")
    of = ["earlier", "later"] if command == "blend" else ["run"]
    assert main([command, *of, "--out", str(tmp_path / "letter.txt/out")]) == 1
    assert f"{tmp_path}/letter.txt" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize(
    ("command", "said"), [("pack", "is not empty"), ("calibrate", "no release lies there")]
)
def test_a_folder_that_holds_something_is_refused_at_once(command, said, tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("a letter")
    assert main([command, "--data", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_read")
@pytest.mark.parametrize("command", ["change", "sitting", "neighbours"])
def test_what_pages_read_is_not_replaced_by_what_a_candidate_gives(command, tmp_path, capsys):
    """They say nothing of changes, several pictures or similar cases then."""
    candidate = ["--model", str(tmp_path / "candidate")]
    assert main([command, "--data", str(tmp_path), *candidate]) == 1
    assert "is of the model that serves; --out says where" in capsys.readouterr().err
    with pytest.raises(AssertionError, match="the work has begun"):
        main([command, "--data", str(tmp_path)])
    with pytest.raises(AssertionError, match="the work has begun"):
        main([command, "--data", str(tmp_path), *candidate, "--out", str(tmp_path / "out.json")])


def test_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch):
    """As of somebody else, or on a disk that is read only; root alone is refused neither."""
    access = os.access
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "there.json").write_text("{}")
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked and access(path, mode))
    for check, path in [
        (whole.check_file, locked / "there.json"),
        (whole.check_file, locked / "new/out.json"),
        (whole.check_folder, locked),
        (whole.check_folder, locked / "new/run"),
    ]:
        with pytest.raises(PermissionError, match="locked"):
            check(path)
    for path in (tmp_path / "new/out.json", Path("/dev/null"), Path("out.json")):
        whole.check_file(path)
    assert [path.name for path in tmp_path.iterdir()] == ["locked"]  # nothing was made
