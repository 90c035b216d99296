"""The folder and the pictures of a run, read again for a release or a blend."""

import json
import shutil
from pathlib import Path

import pytest

from ml import datasets
from ml.__main__ import main
from ml.datasets import DatasetError, fingerprints, splits

pytest.importorskip("keras")
from ml.publish import export
from ml.training import blend, runs
from ml.training.loop import check_held_out
from ml.training.plan import Plan


@pytest.fixture
def data(make_set, tmp_path) -> Path:
    for name in ("HAM10000", "mine"):
        make_set(f"data/{name}", [{"image_id": f"{name}{n}", "dx": "nv"} for n in range(12)])
    return tmp_path / "data"


@pytest.fixture
def run(data, tmp_path, monkeypatch) -> Path:
    """What a training on both sets leaves, but for its weights."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    rows = datasets.read([data]).trainable
    folds = [splits.FOLDS[n % 3] for n in range(len(rows))]
    (folder / runs.SPLIT).write_text(splits.as_csv(rows, folds))
    (folder / runs.DATA).write_text(json.dumps({"folders": [str(data)], "modality": "photo"}))
    (folder / runs.PLAN).write_text("{}")
    return folder


def test_a_run_is_read_whole(run):
    rows, folds = runs.pictures(run)
    assert len(rows) == 24
    assert folds.count("test") == 8


def test_a_release_on_a_part_of_the_pictures_is_refused(run, data, tmp_path, capsys):
    said = "12 of 24 pictures of split.csv are not in this data; give --data"
    with pytest.raises(DatasetError, match=said):
        runs.pictures(run, [data / "mine"])
    command = ["release", str(run), "--data", str(data / "mine"), "--out", str(tmp_path / "out")]
    assert main(command) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_picture_that_was_damaged_since_is_named(run, data, capsys):
    (data / "mine/images/mine0.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="1 of 24 pictures"):
        runs.pictures(run)
    assert "mine0.jpg" in capsys.readouterr().err


def test_pictures_that_came_later_and_renamed_folders_are_no_matter(run, data, make_set):
    (data / "mine").rename(data / "theirs")
    make_set("data/later", [{"image_id": "x0", "dx": "nv"}])
    rows, folds = runs.pictures(run)
    assert (len(rows), folds.count(None)) == (25, 1)


def test_only_the_folds_that_are_asked_for_are_needed(run, data):
    """A pack holds no test pictures, and its runs can be blended all the same."""
    manifest = datasets.read([data])
    for row, fold in zip(manifest.rows, splits.read(run / runs.SPLIT, manifest.rows), strict=True):
        if fold == "test":
            row.path.unlink()
    assert len(runs.pictures(run, needed=("validation",))[0]) == 16
    with pytest.raises(DatasetError, match="8 of 24 pictures"):
        runs.pictures(run)


def test_weights_have_the_licence_of_all_that_they_were_learnt_from(run, tmp_path):
    """Also of the runs that they started from or were taught by, and in a renamed folder."""
    assert export.licence([run]) == export.LICENCE
    own = shutil.copytree(run, tmp_path / "own")
    (own / runs.SPLIT).write_text("image_id,dataset,fold\na,mine,train\n")
    assert export.licence([own]) == export.OWN_LICENCE
    assert export.licence([own, run]) == export.LICENCE
    (own / runs.PLAN).write_text(json.dumps({"start": str(run)}))
    assert export.licence([own]) == export.LICENCE
    taught = shutil.copytree(run, tmp_path / "taught")
    shutil.copy(own / runs.SPLIT, taught)
    (taught / runs.PLAN).write_text(json.dumps({"teachers": [str(own)]}))
    assert export.licence([taught]) == export.LICENCE
    mean = shutil.copytree(taught, tmp_path / "mean")
    (mean / runs.PLAN).write_text("{}")
    assert export.licence([mean]) == export.OWN_LICENCE
    (mean / blend.BLEND).write_text(json.dumps({"earlier": str(run), "later": str(taught)}))
    assert export.licence([mean]) == export.LICENCE


def test_a_teacher_of_another_machine_is_found_beside_its_student(run, tmp_path):
    student = shutil.copytree(run, tmp_path / "student")
    for folder in (run, student):
        (folder / runs.SPLIT).write_text("image_id,dataset,fold\na,mine,train\n")
    (student / runs.PLAN).write_text(json.dumps({"teachers": ["/there/run"]}))
    assert export.licence([student]) == export.OWN_LICENCE
    shutil.rmtree(run)
    assert export.licence([student]) == export.LICENCE


def test_weights_from_a_run_that_is_gone_have_the_careful_licence(run):
    (run / runs.SPLIT).write_text("image_id,dataset,fold\na,mine,train\n")
    (run / runs.PLAN).write_text(json.dumps({"start": "gone"}))
    assert export.licence([run]) == export.LICENCE


def test_a_release_is_unfolded_into_an_empty_folder_alone(run, data, capsys):
    before = sorted(run.iterdir())
    assert main(["unfold", "--data", str(data), "--out", str(run)]) == 1
    assert f"{run} is not empty" in capsys.readouterr().err
    assert sorted(run.iterdir()) == before


def test_a_blend_leaves_the_runs_that_it_is_made_of_alone(run, tmp_path, capsys):
    (run / runs.BEST).write_bytes(b"hours of work")
    another = shutil.copytree(run, tmp_path / "another")
    third = shutil.copytree(run, tmp_path / "third")
    for out in (run, f"{run}/../run", another, third):
        assert main(["blend", str(run), str(another), "--out", str(out)]) == 1
        assert "choose another folder" in capsys.readouterr().err
    for folder in (run, another, third):
        assert (folder / runs.BEST).read_bytes() == b"hours of work"


def test_a_release_replaces_nothing_but_a_release(run, tmp_path, capsys):
    for out in (run, tmp_path):
        assert main(["release", str(run), "--out", str(out)]) == 1
        assert "no release lies there; choose another folder" in capsys.readouterr().err
    assert (run / runs.SPLIT).is_file()


def test_what_is_in_no_fold_here_is_not_held_out_here(run, data, tmp_path):
    """A run on a part of the sets may go on from one on all of them."""
    rows = datasets.read([data]).trainable
    here = ["train" if row.dataset == "mine" else None for row in rows]
    check_held_out(run, rows, here)
    with pytest.raises(DatasetError, match="learnt from 4 pictures held out here"):
        check_held_out(run, rows, ["test" if fold else None for fold in here])


def test_weights_that_are_damaged_are_named(run, tmp_path, capsys):
    (run / runs.BEST).write_bytes(b"PK\x03\x04 half a file")
    assert main(["blend", str(run), str(run), "--out", str(tmp_path / "out")]) == 1
    assert "best.npz: not the weights of plan.json" in capsys.readouterr().err


def check_held_out_nothing(run) -> None:
    check_held_out(run, [], [])


@pytest.mark.parametrize(
    ("file", "content", "read"),
    [
        (runs.DATA, b"{", runs.described),
        (runs.DATA, b"[]", runs.described),
        (runs.LAST, b"PK", lambda run: runs.resume(run, [])),
        (runs.LAST, b"", lambda run: runs.resume(run, [])),
        (runs.SPLIT, b"image_id,dataset,fold\n\xe4,a,train\n", check_held_out_nothing),
        (blend.BLEND, b"{}", blend.inputs),
    ],
)
def test_what_is_damaged_is_named(run, file, content, read):
    """It ended in a traceback."""
    (run / file).write_bytes(content)
    with pytest.raises(DatasetError, match=file):
        read(run)


def test_a_release_knows_what_those_before_it_were_made_with(run, tmp_path, draw):
    """A run that goes on from an unfolded release, whose pictures may not be here any more."""
    manifest = datasets.read([run.parent / "data"])
    older, rows = manifest.rows[:6], manifest.rows[6:9]
    unfolded = shutil.copytree(run, tmp_path / "unfolded")
    fingerprints.write(older, unfolded / fingerprints.FILE)
    later = shutil.copytree(run, tmp_path / "later")
    (later / runs.PLAN).write_text(json.dumps({"start": str(unfolded)}))
    mean = shutil.copytree(run, tmp_path / "mean")
    gone = str(tmp_path / "gone")
    (mean / blend.BLEND).write_text(json.dumps({"earlier": gone, "later": str(later)}))
    released = tmp_path / "released"
    released.mkdir()
    fingerprints.write(rows, released / fingerprints.FILE, export.descent([mean]))
    known = fingerprints.recognise(manifest.rows, released)
    assert known[:9].all()
    assert not known.all()


@pytest.mark.parametrize(("before", "given"), [("photo", None), ("dermoscopy", "dermoscopy")])
def test_a_run_of_an_earlier_version_reads_its_sets_as_it_did(tmp_path, before, given):
    """It wrote “photo” where nothing was given, which now would count more than a set's layout."""
    (tmp_path / runs.DATA).write_text(json.dumps({"folders": ["x"], "modality": before}))
    assert runs.described(tmp_path) == {"folders": ["x"], "modality": given}
    runs.describe(tmp_path, Plan(), [], "photo", "")
    assert runs.described(tmp_path)["modality"] == "photo"
