"""What a training says of data that are too few, or partly unusable, before it begins."""

import json
from collections import Counter

import pytest

from ml import datasets
from ml.__main__ import main
from ml.datasets import splits

pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # Keras


class Begun:
    """A training that leaves what the next one goes on from, and nothing else."""

    def __init__(self, out, *_):
        self.out = out

    def run(self):
        (self.out / "last.npz").touch()


@pytest.mark.parametrize("dx", [["nv"], ["nv", "mel"]])
def test_too_few_pictures_are_a_sentence(make_set, tmp_path, monkeypatch, capsys, dx):
    monkeypatch.chdir(tmp_path)
    folder = make_set("tiny", [{"image_id": f"i{n}", "dx": d} for n, d in enumerate(dx)])
    assert main(["train", "--data", str(folder), "--out", "run"]) == 1
    assert "error: too few pictures" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_can_not_be_learnt_and_what_is_left_out_are_named(
    make_set, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    records = [{"image_id": f"i{n}", "dx": "nv"} for n in range(12)]
    folder = make_set("mine", [*records, {"image_id": "x", "dx": "wart"}])
    (folder / "images/i3.jpg").write_bytes(b"no picture")
    trained = []
    monkeypatch.setattr("ml.training.loop._Training.run", lambda self: trained.append(self))
    (tmp_path / "plan.json").write_text(json.dumps({"epoch_pictures": 32, "batch": 16}))
    arguments = ["train", "--data", str(folder), "--plan", "plan.json", "--out", "run"]
    assert main([*arguments, "--strict"]) == 1
    assert not trained
    assert main(arguments) == 1
    assert len(trained) == 1
    errors = capsys.readouterr().err
    assert "warning: no picture to learn bkl, df, vasc, bcc, akiec, mel from" in errors
    assert "i3.jpg" in errors
    assert "“wart”" in errors


def test_a_kind_that_no_release_could_judge_is_named_before_the_training(
    make_set, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    records = [
        {"image_id": f"i{n}", "modality": "dermoscopy", "dx": ("nv", "mel")[n % 2]}
        for n in range(60)
    ]
    few = [{"image_id": f"p{n}", "modality": "photo", "dx": "nv"} for n in range(6)]
    folder = make_set("mine", [*records, *few])
    monkeypatch.setattr("ml.training.loop._Training.run", lambda self: None)
    (tmp_path / "plan.json").write_text(json.dumps({"epoch_pictures": 32, "batch": 16}))
    assert main(["train", "--data", str(folder), "--plan", "plan.json", "--out", "run"]) == 0
    said = capsys.readouterr().err
    assert "warning: validation has too few lesions of modality photo to calibrate" in said
    assert "modality dermoscopy" not in said


def test_weights_that_were_carried_here_or_unfolded_are_not_trained_over(
    make_set, tmp_path, monkeypatch, capsys
):
    """Hours of work would be gone; killed early, the weights would lie beside another's split, and
    a release of them would be measured on what they learnt."""
    monkeypatch.chdir(tmp_path)
    folder = make_set("mine", [{"image_id": f"i{n}", "dx": "nv"} for n in range(12)])
    kept = {name: f"{name} of the run".encode() for name in ("best.npz", "plan.json", "split.csv")}
    run = tmp_path / "run"
    run.mkdir()
    for name, content in kept.items():
        (run / name).write_bytes(content)
    assert main(["train", "--data", str(folder), "--out", str(run)]) == 1
    assert "holds a trained run" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in run.iterdir()} == kept


def test_pictures_that_a_stored_split_does_not_know_are_split_too(make_set, tmp_path, monkeypatch):
    """They got no fold: a clinic's own lesions were neither learnt nor validated, and it was not
    said."""
    monkeypatch.chdir(tmp_path)
    records = [
        {"image_id": f"i{n}", "dx": ("nv", "mel")[n % 2], "patient_id": f"p{n // 2}"}
        for n in range(80)
    ]
    assert main(["pack", "--data", str(make_set("mine", records)), "--out", "pack"]) == 0
    header, *lines = (tmp_path / "pack/split.csv").read_text().splitlines(keepends=True)
    known = [line for line in lines if "test" not in line][:20:2]  # one picture of a patient
    (tmp_path / "pack/split.csv").write_text(header + "".join(known))
    monkeypatch.setattr("ml.training.loop._Training", Begun)
    arguments = ["train", "--data", "pack", "--out", "run"]
    assert main(arguments) == 0
    text = (tmp_path / "run/split.csv").read_text()
    assert text.startswith(header + "".join(known))
    rows = datasets.read([tmp_path / "pack"]).rows
    folds = dict(zip(rows, splits.read(tmp_path / "run/split.csv", rows), strict=True))
    assert None not in folds.values()
    assert {*Counter(folds.values())} == set(splits.FOLDS)
    sides = {(row.group, fold) for row, fold in folds.items()}
    assert len(sides) == len({row.group for row in rows})
    assert main(arguments) == 0  # and on from there


@pytest.mark.parametrize("ended", ["before its first weights", "in its first epoch"])
def test_a_training_goes_on_with_the_kind_of_pictures_it_began_with(
    make_set, tmp_path, monkeypatch, capsys, ended
):
    """Else a release of the run would take its pictures as photographs."""
    monkeypatch.chdir(tmp_path)
    folder = make_set("mine", [{"image_id": f"i{n}", "dx": "nv"} for n in range(12)])
    arguments = ["train", "--data", str(folder), "--out", "run"]
    if ended == "in its first epoch":
        monkeypatch.setattr("ml.training.loop._Training.run", lambda self: None)
        assert main([*arguments, "--modality", "dermoscopy"]) == 0
        # After which it was killed.
        (tmp_path / "run/best.npz").write_bytes(b"of the first epoch")
    monkeypatch.setattr("ml.training.loop._Training", Begun)
    assert main([*arguments, "--modality", "dermoscopy"]) == 0
    before = (tmp_path / "run/data.json").read_text()
    assert main(arguments) == 1
    assert "begun with --modality dermoscopy" in capsys.readouterr().err
    assert (tmp_path / "run/data.json").read_text() == before
