"""``python -m ml``: what is printed, where, and with which exit status."""

import csv
import json
import shutil
import sys

import pytest

from ml.__main__ import main
from ml.classifier import RELEASE
from ml.synthetic import phantoms
from ml.taxonomy import CATEGORY_OF, DIAGNOSES


@pytest.fixture
def mole(tmp_path):
    path = tmp_path / "mole.png"
    phantoms.render("even_mole", 256).save(path)
    return path


def test_predict_prints_one_assessment_a_line(mole, capsys):
    assert main(["predict", "--modality", "photo", str(mole), str(mole)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    answer = json.loads(lines[0])
    assert answer["file"] == str(mole)
    assert answer["modality"] == "photo"
    assert set(answer["diagnoses"]) == set(DIAGNOSES)
    assert sum(answer["categories"].values()) == pytest.approx(1)
    benign = sum(p for d, p in answer["diagnoses"].items() if CATEGORY_OF[d] == "benign")
    assert answer["malignancy"] == pytest.approx(1 - benign)


def test_a_bad_file_is_named_and_the_others_are_still_answered(mole, tmp_path, capsys):
    text, missing = tmp_path / "text.jpg", tmp_path / "missing.jpg"
    text.write_text("no picture")
    assert main(["predict", str(text), str(missing), str(mole)]) == 1
    output = capsys.readouterr()
    assert [json.loads(line)["file"] for line in output.out.splitlines()] == [str(mole)]
    first, second = output.err.splitlines()
    assert first.startswith(f"error: {text}: This file is not a picture")
    assert second == f"error: {missing}: No such file or directory"


def test_predict_without_a_model_says_where_it_looked(mole, tmp_path, capsys):
    assert main(["predict", "--model", str(tmp_path), str(mole)]) == 1
    assert f"error: {tmp_path}: no released model here" in capsys.readouterr().err


def test_the_keras_engine_without_tensorflow_says_what_to_install(mole, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras", None)
    assert main(["predict", "--engine", "keras", str(mole)]) == 1
    assert "requirements/train.txt" in capsys.readouterr().err


def test_summarise_counts_and_names_what_is_dropped(make_clinic, tmp_path, capsys):
    folder = make_clinic([("D1", 1), ("d2", 3), ("D3", "?")], ["SET_D/D1.BMP", "SET_D/D2.BMP"])
    report = tmp_path / "summary"
    assert main(["summarise", "--data", str(folder), "--report", str(report)]) == 0
    output = capsys.readouterr()
    assert "benign" in output.out
    assert "malignant_high_risk" in output.out
    assert "dropped: 1 × category “?” is not 1, 2 or 3" in output.out
    assert "CLIN_DIA.xlsx: row 4: D3: category “?”" in output.out
    assert "category 2" in output.err
    assert sorted(path.name for path in report.iterdir()) == ["distribution.png", "flips.png"]


def test_summarise_names_every_picture_that_does_not_decode(make_set, capsys):
    folder = make_set("HAM", [{"image_id": f"i{n}", "dx": "nv"} for n in range(3)])
    for name in ("i0", "i2"):
        (folder / "images" / f"{name}.jpg").write_bytes(b"no picture")
    assert main(["summarise", "--data", str(folder)]) == 1
    errors = capsys.readouterr().err
    assert "metadata.csv: row 2" in errors
    assert "metadata.csv: row 4" in errors


def test_evaluate_writes_json_and_report(make_set, tmp_path, capsys):
    folder = make_set("HAM", [{"image_id": f"i{n}", "dx": ("nv", "mel")[n % 2]} for n in range(8)])
    out, report = tmp_path / "out" / "figures.json", tmp_path / "report"
    arguments = ["--data", str(folder), "--json", str(out), "--report", str(report)]
    assert main(["evaluate", *arguments]) == 0
    result = json.loads(out.read_text())
    assert (result["n"], result["malignant"], result["split"]) == (8, 4, "all")
    assert set(result["subgroups"]["dataset"]) == {"HAM"}
    assert result["seen_in_training"] == 0
    assert (report / "index.html").is_file()


def test_evaluate_warns_of_pictures_that_the_model_was_made_with(make_set, tmp_path, capsys):
    with (RELEASE / "split.csv").open(newline="") as file:
        known = [r for r in csv.DictReader(file) if r["dataset"] == "HAM10000"]
    chosen = [next(r for r in known if r["fold"] == fold) for fold in ("train", "test")]
    folder = make_set("HAM10000", [{"image_id": r["image_id"], "dx": "nv"} for r in chosen])
    out = tmp_path / "figures.json"
    arguments = ["evaluate", "--data", str(folder), "--json", str(out)]
    assert main(arguments) == 0
    assert json.loads(out.read_text())["seen_in_training"] == 1
    assert "made with 1 of these 2 pictures" in capsys.readouterr().err
    assert main([*arguments, "--split", "test"]) == 0
    assert json.loads(out.read_text())["n"] == 1


def test_evaluate_names_the_row_of_a_damaged_picture(make_set, capsys):
    folder = make_set("HAM", [{"image_id": f"i{n}", "dx": "nv"} for n in range(3)])
    (folder / "images" / "i1.jpg").write_bytes(b"no picture")
    assert main(["evaluate", "--data", str(folder)]) == 1
    assert "metadata.csv: row 3" in capsys.readouterr().err


def test_evaluate_on_a_test_fold_that_does_not_know_the_pictures(make_set, capsys):
    folder = make_set("Unheard of", [{"image_id": "i0", "dx": "nv"}])
    assert main(["evaluate", "--data", str(folder), "--split", "test"]) == 1
    assert "--split all" in capsys.readouterr().err


def test_an_unknown_diagnosis_stops_with_file_and_row(make_set, capsys):
    folder = make_set("HAM", [{"image_id": "i0", "dx": "wart"}])
    assert main(["summarise", "--data", str(folder)]) == 1
    assert "metadata.csv: row 2: unknown diagnosis “wart”" in capsys.readouterr().err


def test_pictures_in_a_renamed_folder_are_still_known(make_set, capsys):
    with (RELEASE / "split.csv").open(newline="") as file:
        seen = next(r for r in csv.DictReader(file) if r["fold"] == "train")
    folder = make_set("archive", [{"image_id": seen["image_id"], "dx": "nv"}])
    assert main(["evaluate", "--data", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["seen_in_training"] == 1


def test_evaluate_says_what_was_dropped(make_clinic, capsys):
    folder = make_clinic([("D1", 1), ("D2", "?")], ["SET_D/D1.BMP"])
    assert main(["evaluate", "--data", str(folder)]) == 0
    errors = capsys.readouterr().err
    assert "dropped: 1 × category “?” is not 1, 2 or 3" in errors
    assert "category 2" in errors


def test_a_model_for_one_modality_is_shown_what_is_no_lesion(draw, tmp_path, capsys):
    """Everyday pictures count as photos; a model for dermoscopy alone must refuse them, too."""
    release = shutil.copytree(RELEASE, tmp_path / "release")
    card = json.loads((release / "model.json").read_text())
    del card["thresholds"]["photo"]
    (release / "model.json").write_text(json.dumps(card))
    draw(tmp_path / "not_a_lesion/1.jpg", 1)
    arguments = ["--model", str(release), "--data", str(tmp_path / "not_a_lesion")]
    assert main(["evaluate", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["refused_share"] in (0, 1)


def test_predict_takes_what_is_known_of_the_person(mole, capsys):
    known = ["--age", "80", "--sex", "male", "--site", "ear"]
    assert main(["predict", str(mole)]) == 0
    assert main(["predict", *known, str(mole)]) == 0
    alone, with_it = map(json.loads, capsys.readouterr().out.splitlines())
    assert (alone["used"], alone["picture"]) == ([], None)
    # The released model knows what helps, by dermoscope at least.
    assert with_it["used"] == ["age", "sex", "body_site"]
    assert with_it["picture"]["malignancy"] == pytest.approx(alone["malignancy"])
    for wrong in (["--age", "-3"], ["--age", "old"], ["--sex", "x"], ["--site", "moon"]):
        with pytest.raises(SystemExit):
            main(["predict", *wrong, str(mole)])
