"""The evaluation's page and the data set's summary."""

import csv
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from ml import datasets
from ml.measure import reporting
from ml.measure.evaluation import Predictions, evaluate
from ml.taxonomy import DIAGNOSES, Thresholds


@pytest.fixture
def predictions(make_set):
    folder = make_set("HAM<b>", [{"image_id": f"i{n}", "dx": DIAGNOSES[n % 7]} for n in range(42)])
    rows = datasets.read([folder], "dermoscopy").rows
    probabilities = np.random.default_rng(0).dirichlet(np.ones(7), 42)
    thresholds = {"dermoscopy": Thresholds(screen=0.3, melanoma=0.2, cost_ratio=2)}
    usable, uncertain = np.ones(42, bool), np.zeros(42, bool)
    same = (probabilities,) * 3
    return Predictions(rows, *same, usable, uncertain, ["light"] * 42, thresholds, thresholds)


class Sources(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.tags = [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "img":
            self.found.append(dict(attributes)["src"])


def test_the_page_shows_every_plot_it_names(predictions, tmp_path):
    page = reporting.write_report(predictions, evaluate(predictions), tmp_path / "report")
    sources = Sources()
    sources.feed(page.read_text(encoding="utf-8"))
    assert len(sources.found) == 8
    for name in sources.found:
        with Image.open(page.parent / name) as plot:
            plot.load()
    assert "b" not in sources.tags  # a data set's name is text, not markup


def test_names_are_no_formulas(predictions, make_set, tmp_path):
    """A traceback ended the report, of whose plots the last named such a picture."""
    rows = [replace(row, image_id=f"${row.image_id}_$") for row in predictions.rows]
    page = reporting.write_report(replace(predictions, rows=rows), evaluate(predictions), tmp_path)
    assert (page.parent / "dermoscopy-worst.png").is_file()
    records = [{"image_id": "a", "dx": "mel"}]
    reporting.write_summary(datasets.read([make_set("$_$", records)]), tmp_path)
    assert (tmp_path / "distribution.png").is_file()


def test_what_is_reached_counts_who_is_sent_as_uncertain(predictions, tmp_path):
    wary = Thresholds(screen=0.3, melanoma=0.2, cost_ratio=2, uncertain=100)  # of everyone
    result = evaluate(replace(predictions, thresholds={"dermoscopy": wary}))
    page = reporting.write_report(predictions, result, tmp_path).read_text(encoding="utf-8")
    _before, _name, row = page.partition("<th scope=row>all pictures</th>")
    sensitivity, specificity = row.partition("</tr>")[0].split("<td>")[-2:]
    assert sensitivity.startswith("1.000")
    assert specificity.startswith("0.000")
    assert result["thresholds"]["specificity"] > 0


def test_the_predictions_are_kept_as_a_table(predictions, tmp_path):
    reporting.write_report(predictions, evaluate(predictions), tmp_path)
    with (tmp_path / "predictions.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    assert [r["image_id"] for r in records] == [row.image_id for row in predictions.rows]
    assert sum(float(records[0][d]) for d in DIAGNOSES) == pytest.approx(1, abs=1e-4)


def test_a_set_of_one_class_alone_still_gives_a_page(predictions, tmp_path):
    benign = predictions.select(predictions.malignant() == 0)
    assert reporting.write_report(benign, evaluate(benign), tmp_path).is_file()


def test_the_summary_draws_the_distribution_and_flips(make_set, tmp_path):
    folder = make_set("HAM", [{"image_id": f"i{n}", "dx": "mel"} for n in range(5)])
    distribution, flips = reporting.write_summary(
        datasets.read([folder], "dermoscopy"), tmp_path / "out"
    )
    with Image.open(distribution) as image:
        image.load()
    with Image.open(flips) as sheet:
        assert sheet.size == (4 * reporting.THUMB, 4 * reporting.THUMB)
        original = np.asarray(sheet.crop((0, 0, 148, 148)))
        vertical = np.asarray(sheet.crop((150, 0, 298, 148)))
    assert np.array_equal(original[::-1], vertical)
