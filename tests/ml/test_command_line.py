"""``python -m ml``: what is printed, where, and with which exit status."""

import csv
import io
import json
import os
import shutil
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import classifier, datasets, images, predictions
from ml.__main__ import main
from ml.classifier import RELEASE
from ml.datasets import fingerprints
from ml.reencoding import stored
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
    text, missing, pipe = (tmp_path / name for name in ("text.jpg", "missing.jpg", "pipe.jpg"))
    text.write_text("no picture")
    os.mkfifo(pipe)  # nobody writes into it, so that who opens it waits for ever
    assert main(["predict", str(text), str(missing), str(pipe), str(mole)]) == 1
    output = capsys.readouterr()
    assert [json.loads(line)["file"] for line in output.out.splitlines()] == [str(mole)]
    first, second, third = output.err.splitlines()
    assert first.startswith(f"error: {text}: This file is not a picture")
    assert second == f"error: {missing}: No such file or directory"
    assert third == f"error: {pipe}: This is a pipe. Name the file of a picture."


def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_answered(
    mole, monkeypatch, capsys
):
    locked, junk = mole.parent / "locked", mole.parent / "lost+found"
    for folder in (locked, junk):
        folder.mkdir()
    within = Path.iterdir

    def refused(path):
        if path in (locked, junk):
            raise PermissionError(13, "Permission denied", str(path))
        return within(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert main(["predict", str(mole.parent)]) == 1
    output = capsys.readouterr()
    assert [json.loads(line)["file"] for line in output.out.splitlines()] == [str(mole)]
    (said,) = output.err.splitlines()
    assert said.startswith(f"error: {locked}: ")


def test_a_picture_that_lacks_pixels_gets_no_answer_as_in_the_service(mole, capsys):
    """What its decoder fills up in grey may hide the half of a melanoma that shows it."""
    cut = mole.with_name("cut.jpg")
    Image.open(mole).save(cut, quality=92)
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) * 3 // 5] + b"\xff\xd9")
    assert main(["predict", str(cut), str(mole)]) == 1
    output = capsys.readouterr()
    assert [json.loads(line)["file"] for line in output.out.splitlines()] == [str(mole)]
    assert output.err == f"error: {cut}: The picture is damaged or incomplete. Send it again.\n"


@pytest.fixture
def moles(tmp_path):
    """Twenty different pictures in a folder, and what systems and people put beside them."""
    folder = tmp_path / "moles"
    (folder / "deeper").mkdir(parents=True)
    kinds = ("even_mole", "irregular_mole", "crusty_patch")
    for number in range(20):
        place = folder / "deeper" if number % 5 == 0 else folder
        picture = phantoms.render(kinds[number % 3], 160 + number)
        picture.save(place / f"{number:02}.png")
    for name in ("._00.png", "Thumbs.db", "letter.docx"):
        (folder / name).write_bytes(b"no picture")
    return folder


def answered(capsys) -> list[str]:
    output = capsys.readouterr().out
    return [Path(json.loads(line)["file"]).name for line in output.splitlines()]


def test_predict_says_of_a_picture_what_the_service_says(tmp_path, capsys):
    image = phantoms.render("irregular_mole", 1024).resize((3000, 2400))
    image.save(tmp_path / "large.png")
    image.resize((2900, 140)).save(tmp_path / "flat.png")
    assert main(["predict", *map(str, sorted(tmp_path.iterdir()))]) == 0
    model = classifier.load()
    for line in capsys.readouterr().out.splitlines():
        said = json.loads(line)
        kept = images.decode(stored(Path(said["file"]).read_bytes()))
        (served,) = model.assess([kept], "photo")
        assert said["diagnoses"] == served.diagnoses
        assert said["advice"] == served.advice


def test_predict_takes_a_folder_across_cores_and_keeps_the_order(moles, capsys):
    assert main(["predict", str(moles)]) == 0
    output = capsys.readouterr()
    answers = [json.loads(line) for line in output.out.splitlines()]
    files = [answer["file"] for answer in answers]
    assert files == sorted(files)
    assert len(files) == 20
    assert "1 files not read: .docx" in output.err
    assert "Assessing" not in output.err  # no bar in a pipe
    # The same as one by one.
    assert main(["predict", files[7]]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["diagnoses"] == pytest.approx(answers[7]["diagnoses"])
    assert alone["modality"] == "photo"


def test_where_a_process_is_ended_it_says_how_far_it_came(moles, monkeypatch, capsys):
    """As by the system, for want of memory."""

    def until_killed(_pool, one, paths, chunksize):
        yield from map(one, paths[:3])
        raise BrokenProcessPool

    predictions._load(RELEASE, "litert")
    monkeypatch.setattr(predictions.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(predictions.ProcessPoolExecutor, "map", until_killed)
    assert main(["predict", str(moles)]) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 3
    assert f"a process ended, as for want of memory, at {moles}" in output.err
    assert "3 of 20 pictures are answered" in output.err


def test_predict_takes_patterns_and_a_list_on_standard_input(moles, monkeypatch, capsys):
    assert main(["predict", str(moles / "1*.png")]) == 0
    assert answered(capsys) == [f"{n}.png" for n in range(11, 20) if n != 15]
    lines = f"\ufeff{moles}/19.png\r\n\n{moles}/deeper/00.png\n"  # as Windows begins and ends
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    assert main(["predict", "-", str(moles / "01.png")]) == 0
    assert answered(capsys) == ["19.png", "00.png", "01.png"]
    (moles / "1.gif").symlink_to("nowhere.gif")
    for none in ("*.jpeg", "*.gif"):  # was a warning with status 0, and nothing at all
        assert main(["predict", str(moles / none), str(moles / "01.png")]) == 1
        output = capsys.readouterr()
        assert len(output.out.splitlines()) == 1
        assert "No such file" in output.err


@pytest.mark.parametrize("module", ["imagehash", "matplotlib"])
def test_without_the_training_packages_the_command_says_what_to_install(
    make_set, monkeypatch, tmp_path, capsys, module
):
    folder = make_set("HAM", [{"image_id": "a", "dx": "nv"}, {"image_id": "b", "dx": "mel"}])
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("ml.measure.reporting", "ml.measure.metrics", "ml.measure.evaluation"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    command = "summarise" if module == "matplotlib" else "evaluate"
    assert main([command, "--data", str(folder), "--report", str(tmp_path / "out")]) == 1
    assert "pip install -r requirements/train.txt" in capsys.readouterr().err


def test_a_name_that_is_not_utf_8_ends_nothing(tmp_path, capsys):
    name = os.fsdecode(b"M\xfctter.png")
    folder = tmp_path / "mine/nevus"
    folder.mkdir(parents=True)
    phantoms.render("even_mole", 200).save(folder / "plain.png")
    (folder / "plain.png").rename(folder / name)
    assert main(["predict", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["file"].endswith("tter.png")
    assert main(["evaluate", "--data", str(folder)]) == 0
    report = ["--report", str(tmp_path / "summary")]
    assert main(["summarise", "--data", str(folder), *report]) == 0


def test_a_list_on_standard_input_may_hold_names_that_are_not_utf_8(tmp_path, monkeypatch, capsys):
    file = tmp_path / os.fsdecode(b"M\xfctter.png")
    phantoms.render("even_mole", 200).save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(file)
    listed = io.TextIOWrapper(io.BytesIO(os.fsencode(file) + b"\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", listed)
    assert main(["predict", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["file"].endswith("tter.png")


@pytest.mark.parametrize("table", ["", "metadata.csv", "CLIN_DIA.xlsx"])
def test_a_folder_whose_name_is_not_utf_8_ends_nothing(
    make_set, make_clinic, tmp_path, monkeypatch, table
):
    """Its name is that of the data set, in splits, reports and packs."""
    monkeypatch.chdir(tmp_path)
    if table == "metadata.csv":
        made = make_set("set", [{"image_id": f"i{n}", "dx": "nv"} for n in range(3)])
    elif table:
        made = make_clinic([("d1", 1), ("d2", 1)], ["SET_D/D1.BMP", "SET_D/D2.BMP"])
    else:
        made = make_set("set", [{"image_id": "nv", "dx": "nv"}])
        (made / "metadata.csv").unlink()
        (made / "images").rename(made / "nv")
    folder = made.rename(tmp_path / os.fsdecode(b"d\xe9monstration"))
    data = ["--data", str(folder)]
    assert main(["evaluate", *data, "--report", str(tmp_path / "report")]) == 0
    assert main(["pack", *data, "--out", str(tmp_path / "pack")]) == 0


def test_ctrl_c_ends_in_a_word_and_not_in_a_traceback(mole, monkeypatch, capsys):
    def pressed(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(predictions, "predict", pressed)
    assert main(["predict", str(mole)]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_predict_without_a_model_says_where_it_looked(mole, tmp_path, capsys):
    assert main(["predict", "--model", str(tmp_path), str(mole)]) == 1
    assert f"error: {tmp_path}: no released model here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("calibration", None),
        ("quality", None),
        ("limits.photo", None),
        ("live.calibration", None),
        ("calibration.photo.temperature", float("nan")),
        ("thresholds.photo.screen", float("nan")),
        ("thresholds.photo.melanoma", "high"),
        ("sitting.photo.screen", 1.5),
        ("closer.photo", 2),
        ("closer.photo", 0),
        ("closer.photo", "0.65"),
        ("closer", "near"),
    ],
)
def test_a_release_that_lacks_a_part_or_has_no_numbers_judges_nothing(
    mole, tmp_path, capsys, part, value
):
    """Above a threshold that is not a number lies nothing: all melanomas would be called benign."""
    release = shutil.copytree(RELEASE, tmp_path / "release")
    card = json.loads((release / "model.json").read_text())
    card["live"] = {name: card[name] for name in ("calibration", "thresholds", "limits")}
    card["sitting"] = dict(card["thresholds"])
    inner = card = json.loads(json.dumps(card))
    *names, last = part.split(".")
    for name in names:
        inner = inner[name]
    inner[last] = value
    if value is None:
        del inner[last]
    (release / "model.json").write_text(json.dumps(card))
    assert main(["predict", "--model", str(release), str(mole)]) == 1
    output = capsys.readouterr()
    assert not output.out
    assert output.err.startswith(f"error: {release}: can't be loaded by litert (")


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


def test_summarise_names_every_picture_that_does_not_decode_and_counts_the_others(
    make_set, tmp_path, capsys
):
    folder = make_set("HAM", [{"image_id": f"i{n}", "dx": "nv"} for n in range(3)])
    for name in ("i0", "i2"):
        (folder / "images" / f"{name}.jpg").write_bytes(b"no picture")
    arguments = ["summarise", "--data", str(folder), "--report", str(tmp_path / "summary")]
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert "metadata.csv: row 2" in output.err
    assert "metadata.csv: row 4" in output.err
    assert "1 pictures" in output.out
    assert main([*arguments, "--strict"]) == 1
    output = capsys.readouterr()
    assert "metadata.csv: row 4" in output.err
    assert not output.out


def test_summarise_tells_what_it_understood(make_set, tmp_path, capsys):
    folder = make_set("HAM", [{"image_id": "a", "dx": "Naevus"}, {"image_id": "b", "dx": "ACK"}])
    arguments = ["summarise", "--data", str(folder), "--report", str(tmp_path / "summary")]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "understood: " in output
    assert "ACK → akiec × 1, Naevus → nv × 1" in output


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
    result = json.loads(out.read_text())
    assert (result["seen_in_training"], result["n"]) == (1, 1)
    assert "made with 1 of these 2 pictures: LEFT OUT" in capsys.readouterr().err
    assert main([*arguments, "--seen"]) == 0
    result = json.loads(out.read_text())
    assert (result["seen_in_training"], result["n"]) == (1, 2)
    assert main([*arguments, "--split", "test"]) == 0
    assert json.loads(out.read_text())["n"] == 1


def test_evaluate_names_the_row_of_a_damaged_picture_and_goes_on(make_set, capsys):
    folder = make_set("HAM", [{"image_id": f"i{n}", "dx": "nv"} for n in range(3)])
    (folder / "images" / "i1.jpg").write_bytes(b"no picture")
    assert main(["evaluate", "--data", str(folder)]) == 1
    output = capsys.readouterr()
    assert "metadata.csv: row 3" in output.err
    assert json.loads(output.out)["n"] == 2
    assert main(["evaluate", "--strict", "--data", str(folder)]) == 1
    assert not capsys.readouterr().out


@pytest.mark.parametrize("dx", [["nv"], ["mel"], ["nv", "nv"], ["other"], ["not_a_lesion"]])
def test_evaluate_on_a_tiny_set_or_one_class_has_figures_where_there_are_any(make_set, capsys, dx):
    folder = make_set("tiny", [{"image_id": f"i{n}", "dx": d} for n, d in enumerate(dx)])
    assert main(["evaluate", "--data", str(folder)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["auc_malignant"] is None


@pytest.fixture
def release_that_saw(tmp_path, make_set):
    """release_that_saw(rows): the released model, as if it was made with these."""

    def make(rows):
        release = shutil.copytree(RELEASE, tmp_path / "release")
        fingerprints.write(rows, release / fingerprints.FILE)
        return release

    return make


def test_pictures_of_the_training_are_recognised_by_content(
    release_that_saw, make_set, tmp_path, capsys
):
    """Under other names, in class folders, compressed anew, at another size, and mirrored."""
    folder = make_set("known", [{"image_id": f"i{n}", "dx": "nv"} for n in range(8)])
    rows = datasets.read([folder]).rows
    other = tmp_path / "mine/nevus"
    other.mkdir(parents=True)
    for number, row in enumerate(rows[:4]):
        image = Image.open(row.path)
        if number == 1:
            image = image.resize((2 * image.width, 2 * image.height))
        if number == 2:
            image = image.transpose(Image.Transpose.ROTATE_180)
        image.save(other / f"{number}.{'png' if number == 2 else 'jpg'}", quality=70)
    new = make_set("an unknown set", [{"image_id": f"n{n}", "dx": "nv"} for n in range(3)])
    for path in (new / "images").iterdir():
        shutil.move(path, other / path.name)
    arguments = ["evaluate", "--model", str(release_that_saw(rows)), "--data", str(other.parent)]
    assert main(arguments) == 0
    output = capsys.readouterr()
    result = json.loads(output.out)
    assert (result["seen_in_training"], result["n"]) == (4, 3)
    assert "made with 4 of these 7 pictures: LEFT OUT" in output.err


def test_other_pictures_of_a_patient_who_is_recognised_are_left_out_too(
    release_that_saw, make_set, capsys
):
    folder = make_set(
        "clinic",
        [{"image_id": f"i{n}", "dx": "nv", "patient_id": f"p{n // 2}"} for n in range(6)],
    )
    release = release_that_saw(datasets.read([folder]).rows[:1])
    assert main(["evaluate", "--model", str(release), "--data", str(folder)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["seen_in_training"], result["n"]) == (2, 4)


def test_where_every_picture_was_seen_that_is_said(release_that_saw, make_set, capsys):
    folder = make_set("known", [{"image_id": "i0", "dx": "nv"}])
    release = release_that_saw(datasets.read([folder]).rows)
    arguments = ["evaluate", "--model", str(release), "--data", str(folder)]
    assert main(arguments) == 1
    assert "made with all of these pictures; --seen measures" in capsys.readouterr().err
    assert main([*arguments, "--seen"]) == 0


def test_the_release_tells_its_pictures_by_eight_bytes_each():
    hashes = np.load(RELEASE / fingerprints.FILE)
    assert hashes.shape[1:] == (8,)
    with (RELEASE / "split.csv").open(newline="") as file:
        made_with = sum(r["fold"] in ("train", "validation") for r in csv.DictReader(file))
    assert 0.95 * made_with < len(hashes) <= made_with


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
    assert main(["evaluate", "--seen", "--data", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["seen_in_training"] == 1


@pytest.mark.parametrize("layout", ["table", "clinic", "classes"])
def test_a_kind_of_picture_that_is_only_assumed_is_said(
    layout, make_set, make_clinic, draw, tmp_path, capsys
):
    """Thresholds for photographs were set on a clinic's dermoscopy, without a word."""
    if layout == "table":
        folder = make_set("mine", [{"image_id": "a", "dx": "nv"}])
    elif layout == "clinic":
        folder = make_clinic([("D1", 1)], ["SET_D/D1.BMP"])
    else:
        folder = tmp_path / "mine"
        for number, name in enumerate(("nv", "mel")):
            draw(folder / name / f"{name}.png", number)
    out = tmp_path / "pack"
    main(["pack", "--data", str(folder), "--out", str(out), "--modality", "dermoscopy"])
    assert "taken as dermoscopy, which nothing here says" in capsys.readouterr().err
    assert not datasets.read([out]).warnings  # it says so itself


def test_what_is_known_of_a_set_is_not_assumed(make_set):
    says = make_set("says", [{"image_id": "a", "dx": "nv", "modality": "photo"}])
    ham = make_set("ham", [{"image_id": "b", "dx": "nv", "dx_type": "histo"}])
    assert not datasets.read([says]).warnings + datasets.read([ham]).warnings


def test_a_modality_that_is_given_counts_more_than_a_set_s_layout(make_set, tmp_path, capsys):
    """It was overruled in silence, for a clinic's table that looks like a published set's."""
    ham = make_set("ham", [{"image_id": "b", "dx": "nv", "dx_type": "histo"}])
    out = tmp_path / "pack"
    main(["pack", "--data", str(ham), "--out", str(out), "--modality", "photo"])
    said = capsys.readouterr().err
    assert f"warning: {ham}: taken as photo, as --modality says; its columns are those of" in said
    assert [row.modality for row in datasets.read([out]).rows] == ["photo"]
    assert [row.modality for row in datasets.read([ham]).rows] == ["dermoscopy"]


def test_evaluate_says_what_was_dropped(make_clinic, capsys):
    folder = make_clinic([("D1", 1), ("D2", "?")], ["SET_D/D1.BMP"])
    assert main(["evaluate", "--data", str(folder)]) == 0
    errors = capsys.readouterr().err
    assert "dropped: 1 × category “?” is not 1, 2 or 3" in errors
    assert "category 2" in errors


def test_a_model_for_one_modality_is_shown_what_is_no_lesion(
    draw, for_dermoscopy, tmp_path, capsys
):
    """Everyday pictures count as photos; a model for dermoscopy alone must refuse them, too."""
    draw(tmp_path / "not_a_lesion/1.jpg", 1)
    arguments = ["--model", str(for_dermoscopy), "--data", str(tmp_path / "not_a_lesion")]
    assert main(["evaluate", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["refused_share"] in (0, 1)


def test_a_model_for_one_modality_is_measured_on_its_pictures(
    for_dermoscopy, make_set, draw, tmp_path, capsys
):
    records = [
        {
            "image_id": f"i{n}",
            "dx": ("nv", "mel")[n % 2],
            "modality": ("dermoscopy", "photo")[n > 5],
        }
        for n in range(9)
    ]
    make_set("data/mixed", records)
    draw(tmp_path / "data/not_a_lesion/chair.jpg", 1)
    options = ["--data", str(tmp_path / "data"), "--model", str(for_dermoscopy)]
    assert main(["evaluate", *options]) == 0
    output = capsys.readouterr()
    assert "judges dermoscopy pictures only: 3 of these 10 LEFT OUT" in output.err
    result = json.loads(output.out)
    assert (result["n"], result["refused_share"] is None) == (6, False)


@pytest.mark.parametrize("command", ["evaluate", "neighbours", "sitting"])
def test_a_model_that_judges_none_of_the_pictures_says_so(
    command, for_dermoscopy, make_set, tmp_path, capsys
):
    data = make_set("photos", [{"image_id": "a", "dx": "nv", "modality": "photo"}])
    options = ["--data", str(data), "--model", str(for_dermoscopy)]
    out = [] if command == "evaluate" else ["--out", str(tmp_path / "out.json")]
    assert main([command, *options, *out]) == 1
    assert "judges dermoscopy pictures only; there are none" in capsys.readouterr().err


def test_predict_takes_what_is_known_of_the_person(mole, tmp_path, capsys):
    """By a release to which it counts; by others, it helps nothing."""
    release = shutil.copytree(RELEASE, tmp_path / "release")
    card = json.loads((release / "model.json").read_text())
    term = {"centre": 0.0, "coefficient": 0.2, "reason": "…"}
    card["person"]["photo"]["terms"] = {"age": term, "male": term, "head_neck": term}
    (release / "model.json").write_text(json.dumps(card))
    known = ["--age", "80", "--sex", "male", "--site", "ear"]
    predict = ["predict", "--modality", "photo", "--model", str(release)]
    assert main([*predict, str(mole)]) == 0
    assert main([*predict, *known, str(mole)]) == 0
    alone, with_it = map(json.loads, capsys.readouterr().out.splitlines())
    assert (alone["used"], alone["picture"]) == ([], None)
    assert with_it["used"] == ["age", "sex", "body_site"]
    assert with_it["picture"]["malignancy"] == pytest.approx(alone["malignancy"])
    for wrong in (["--age", "-3"], ["--age", "old"], ["--sex", "x"], ["--site", "moon"]):
        with pytest.raises(SystemExit):
            main([*predict, *wrong, str(mole)])


@pytest.mark.parametrize("command", ["change", "sitting", "neighbours"])
def test_what_measures_a_release_names_a_damaged_picture_and_goes_on(
    make_set, tmp_path, monkeypatch, capsys, command
):
    monkeypatch.chdir(tmp_path)
    records = [
        {"image_id": f"i{n}", "lesion_id": f"l{n // 2}", "dx": ("nv", "mel")[n // 4]}
        for n in range(8)
    ]
    folder = make_set("set", records)
    (folder / "images/i7.jpg").write_bytes(b"no picture")
    if command == "change":  # which needs two pictures that can be brought onto each other
        for number in range(2):
            phantoms.render("irregular_mole", 256).save(folder / f"images/i{number}.jpg")
    release = shutil.copytree(RELEASE, tmp_path / "release")
    split = [f"i{n},set,test\n" for n in range(8)]
    (release / "split.csv").write_text("image_id,dataset,fold\n" + "".join(split))
    arguments = [command, "--data", str(folder), "--model", str(release), "--out", "out.json"]
    assert main([*arguments, "--strict"]) == 1
    assert "i7.jpg" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    assert main(arguments) == 1
    assert "i7.jpg" in capsys.readouterr().err
    assert json.loads((tmp_path / "out.json").read_text())["model_version"]


@pytest.mark.parametrize(
    ("age", "said"), [("250", "an age of 250 can't be right"), ("old", "'old'"), ("nan", "of nan")]
)
def test_an_age_that_can_not_be_is_said_in_words(mole, capsys, age, said):
    with pytest.raises(SystemExit):
        main(["predict", "--age", age, str(mole)])
    assert "argument --age: " in (error := capsys.readouterr().err)
    assert said in error
    assert "_age" not in error


@pytest.mark.parametrize("minutes", ["0", "-5", "nan", "inf"])
def test_minutes_that_bound_nothing_are_refused(minutes, tmp_path, capsys):
    """Of 0, which was not a bound at all, somebody would pay for the machine's hours."""
    with pytest.raises(SystemExit):
        main(["train", "--data", ".", "--out", str(tmp_path / "run"), "--minutes", minutes])
    assert "is not a number above 0" in capsys.readouterr().err
