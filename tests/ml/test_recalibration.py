"""A release that is calibrated anew: on pictures of a clinic that it never saw, and on its own."""

import json
import re
import shutil

import pytest

from ml import classifier, datasets
from ml.__main__ import main
from ml.classifier import RELEASE
from ml.datasets import fingerprints, splits
from ml.measure import trust
from ml.publish import calibration, export


@pytest.fixture
def clinic(make_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where hashes of pictures are kept
    monkeypatch.setattr(trust, "MADE", 2)
    records = [
        {"image_id": f"c{n}", "modality": "photo", "dx": ("nv", "mel")[n % 2]} for n in range(40)
    ]
    return make_set("clinic", records)


def read(folder) -> dict:
    return json.loads((folder / "model.json").read_text())


@pytest.mark.slow
def test_a_clinic_sets_the_release_on_its_own_pictures(clinic, tmp_path, capsys):
    ours = tmp_path / "ours"
    kept = [tmp_path / "ours.old/model.json", tmp_path / "ours.new/model.json"]
    for file in kept:  # as people call what they keep beside it, and may go back to
        file.parent.mkdir()
        file.touch()
    assert main(["calibrate", "--data", str(clinic), "--out", str(ours)]) == 0
    assert all(file.is_file() for file in kept)
    assert not [*tmp_path.glob("*.ours")]
    said = capsys.readouterr()
    assert "python -m ml sitting" in said.out
    assert f"warning: {ours} judges no dermoscopy pictures any more" in said.err
    assert "photo pictures any more" not in said.err
    card, before = read(ours), read(RELEASE)
    # No release of the same month is ever called so: answers are kept by version.
    assert re.fullmatch(re.escape(before["version"]) + r"\+[0-9a-f]{8}", card["version"])
    # The networks are what they were; what they say is set by the kind of pictures at hand.
    assert card["files"] == before["files"]
    for file in card["files"].values():
        assert (ours / file["name"]).read_bytes() == (RELEASE / file["name"]).read_bytes()
    assert set(card["thresholds"]) == set(card["live"]["thresholds"]) == {"photo"}
    assert card["calibration"]["photo"] != before["calibration"]["photo"]
    assert card["licence"] == before["licence"]
    assert card["training"]["plan"] == before["training"]["plan"]
    # Nothing of it taught the network: a fifth is measured on, and the rest is calibrated on.
    counts = card["training"]["pictures"]["clinic photo"]
    assert counts == {"test": 8, "validation": 32}
    assert card["training"]["pictures"]["HAM10000 dermoscopy"] == {
        "train": before["training"]["pictures"]["HAM10000 dermoscopy"]["train"]
    }
    stored, former = (splits.stored_folds(of / "split.csv") for of in (ours, RELEASE))
    assert former.items() < stored.items()
    assert len(stored) == len(former) + 40
    assert card["figures"]["photo"]["n"] <= 8
    assert (ours / "model-card.md").is_file()

    # What it was calibrated on is known by content, under whatever name; the old ones still are.
    known, former = ((of / fingerprints.FILE).stat().st_size for of in (ours, RELEASE))
    assert known > former
    again = {"--model": ours, "--data": shutil.copytree(clinic, tmp_path / "other-name")}
    options = [str(part) for pair in again.items() for part in pair]
    assert main(["evaluate", *options, "--json", str(tmp_path / "figures.json")]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["seen_in_training"] == 32

    # As docs/training.md says: on its fifth, against the release, which knows none of them.
    options = [*("--data", str(clinic), "--split", "test", "--model", str(ours))]
    figures = tmp_path / "against.json"
    assert main(["evaluate", *options, "--against", str(RELEASE), "--json", str(figures)]) == 0
    measured = json.loads(figures.read_text())
    assert measured["n"] == measured["against"]["n"] == 8
    assert measured["against"]["seen_in_training"] == 0

    # By the same pictures again, it is the same release.
    files = {file.name: file.read_bytes() for file in ours.iterdir()}
    options = [str(part) for pair in (again | {"--data": clinic}).items() for part in pair]
    assert main(["calibrate", *options, "--out", str(ours)]) == 0
    assert {file.name: file.read_bytes() for file in ours.iterdir()} == files


def test_pictures_that_it_learnt_set_nothing(clinic, tmp_path, capsys):
    known = shutil.copytree(RELEASE, tmp_path / "known")
    lines = [f"c{n},clinic,train\n" for n in range(40)]
    (known / "split.csv").write_text("image_id,dataset,fold\n" + "".join(lines))
    options = ["--model", str(known), "--data", str(clinic), "--out", str(tmp_path / "new")]
    assert main(["calibrate", *options]) == 1
    assert "No lesion is left to calibrate on" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_damaged_hashes_of_what_it_learnt_are_named(clinic, tmp_path, capsys):
    """It ended in a traceback."""
    known = shutil.copytree(RELEASE, tmp_path / "known")
    for content in (b"", (known / fingerprints.FILE).read_bytes()[:1000]):
        (known / fingerprints.FILE).write_bytes(content)
        assert main(["evaluate", "--model", str(known), "--data", str(clinic)]) == 1
        assert f"error: {known / fingerprints.FILE}: damaged" in capsys.readouterr().err


def test_other_pictures_of_a_patient_whom_it_learnt_set_nothing(make_set, tmp_path, capsys):
    ours = [{"image_id": f"c{n}", "dx": "nv", "patient_id": "alice"} for n in range(8)]
    folder = make_set("clinic", ours)
    known = shutil.copytree(RELEASE, tmp_path / "known")
    fingerprints.write(datasets.read([folder]).rows[:1], known / fingerprints.FILE)
    options = ["--model", str(known), "--data", str(folder), "--out", str(tmp_path / "new")]
    assert main(["calibrate", *options]) == 1
    assert "No lesion is left to calibrate on" in capsys.readouterr().err


def test_too_few_melanomas_set_nothing(make_set, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    records = [{"image_id": f"n{n}", "modality": "photo", "dx": "nv"} for n in range(12)]
    few = make_set("few", records)
    before = shutil.copytree(RELEASE, tmp_path / "before")
    assert main(["calibrate", "--data", str(few), "--out", str(before)]) == 1
    assert "validation has too few lesions of modality photo" in capsys.readouterr().err
    assert read(before) == read(RELEASE)
    assert not [*tmp_path.glob("*.before")]  # 16 MB that nobody reads


@pytest.mark.slow
def test_what_helps_no_longer_is_tried_again_by_the_next_calibration(clinic, tmp_path):
    """Its terms were lost, so that no calibration could ever use them again."""
    before = shutil.copytree(RELEASE, tmp_path / "before")
    card = read(before)
    term = {"centre": 5.0, "coefficient": 0.3, "reason": "…"}
    card["person"]["photo"] |= {"terms": {}, "learnt": {"age": term}}
    (before / "model.json").write_text(json.dumps(card))
    out = tmp_path / "out"
    options = ["--model", str(before), "--data", str(clinic), "--out", str(out)]
    assert main(["calibrate", *options]) == 0
    stage = read(out)["person"]["photo"]
    assert (stage["terms"], stage["learnt"]) == ({}, {"age": term})  # nobody's age is known here
    text = (out / "model-card.md").read_text()
    assert "Too few validation pictures with and without such a cancer know any of it" in text


def test_what_is_set_is_set_on_pictures_as_they_are_served(make_set, tmp_path, monkeypatch):
    """On copies of 256 px, from which the network's square is made again, they are less sharp."""
    monkeypatch.chdir(tmp_path)
    few = make_set(
        "few", [{"image_id": f"n{n}", "modality": "photo", "dx": "nv"} for n in range(5)]
    )
    asked: list[tuple] = []

    def calibrate(rows, answers, terms):
        asked.extend(zip(rows, answers["quality"], answers["logits"], strict=True))
        raise ValueError("as far as here")

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    assert main(["calibrate", "--data", str(few), "--out", str(tmp_path / "out")]) == 1
    model = classifier.load()
    for row, quality, logits in asked:
        served = model.outputs(row.decode(), row.modality)
        assert quality == pytest.approx(served["quality"])
        assert logits == pytest.approx(served["logits"])
    assert asked


@pytest.mark.slow
def test_a_few_pictures_of_the_other_kind_spoil_no_calibration(
    clinic, make_set, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(export, "CLOSER", {"photo": 0.65, "dermoscopy": 0.8})
    few = [{"image_id": f"d{n}", "modality": "dermoscopy", "dx": "nv"} for n in range(6)]
    data = ["--data", str(clinic), "--data", str(make_set("few", few))]
    ours = tmp_path / "ours"
    assert main(["calibrate", *data, "--out", str(ours)]) == 0
    said = capsys.readouterr().err
    assert "warning: validation has too few lesions of modality dermoscopy to calibrate" in said
    assert f"warning: {ours} judges no dermoscopy pictures any more" in said
    assert set(read(ours)["thresholds"]) == set(read(ours)["figures"]) == {"photo"}
    assert read(ours)["closer"] == {"photo": 0.65}


def test_another_folder_is_not_overwritten(clinic, tmp_path, capsys):
    assert main(["calibrate", "--data", str(clinic), "--out", str(clinic)]) == 1
    assert "no release lies there" in capsys.readouterr().err
    assert (clinic / "metadata.csv").is_file()
