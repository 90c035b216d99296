"""The phone's assessments beside those of ``python -m ml predict``."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page

from ml import classifier, images
from ml.release import Release
from tests.browser.camera.conftest import lesions

SAME = ("used", "picture", "model_version", "modality", "usable", "reasons", "warnings")
DECIDED = ("risk_category", "uncertain", "advice")
TOLERANCE = 1e-3
# Square pictures through a worker of the page's own kind.
LOOK = """async (pictures) => {
  const program = JSON.parse(document.getElementById("program").textContent);
  const worker = new Worker(program.worker);
  const answer = () => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.said === "failed") reject(new Error(data.error));
      else if (data.said !== "loading") resolve(data);
    };
  });
  worker.postMessage({ task: "load", program });
  await answer();
  const looks = [];
  for (const [type, data] of pictures) {
    const blob = new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], { type });
    const bitmap = await createImageBitmap(blob);
    worker.postMessage({ task: "frame", bitmap, round: 0 }, [bitmap]);
    looks.push((await answer()).look.assessment);
  }
  worker.terminate();
  return looks;
}"""


@pytest.fixture
def assess(phone) -> Callable[[list[bytes], str], list[dict]]:
    page: Page = phone(None)

    def through_the_browser(files: list[bytes], kind: str) -> list[dict]:
        sent = [[kind, base64.b64encode(file).decode()] for file in files]
        return page.evaluate(LOOK, sent)

    return through_the_browser


@pytest.fixture
def one_pass(monkeypatch) -> classifier.Classifier:
    """The server's classifier, looking once as the phone does, by the first reader and the card's
    ``live``: it would average eight turns of all readers."""

    monkeypatch.setattr(classifier, "STRAIGHT", classifier.STRAIGHT[:1])
    monkeypatch.setattr(classifier, "MIRRORED", [])
    of = Release.read(classifier.RELEASE)
    return classifier.Classifier(
        {**of.card, **classifier.live(of.card), "closer": {}},
        classifier.litert_engine(of.file("litert")),
    )


def square(path: Path, side: int | None = None) -> Image.Image:
    picture = Image.fromarray(images.decode(path.read_bytes()))
    top, left, length = images.central_square(picture.height, picture.width)
    cut = picture.crop((left, top, left + length, top + length))
    return cut.resize((side, side), Image.Resampling.BICUBIC) if side else cut


def encoded(picture: Image.Image, file_format: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, file_format, quality=90)
    return stream.getvalue()


def overlap(one: list | None, other: list | None) -> float:
    """Intersection over union of two outlines."""
    if not one or not other:
        return float(one == other)
    drawn = []
    for line in (one, other):
        canvas = Image.new("1", (400, 400))
        ImageDraw.Draw(canvas).polygon([(x * 400, y * 400) for x, y in line], fill=1)
        drawn.append(np.asarray(canvas))
    return float((drawn[0] & drawn[1]).sum() / (drawn[0] | drawn[1]).sum())


def test_the_same_pixels_give_the_same_assessment(assess, one_pass) -> None:
    paths = lesions("PAD-UFES-20", 40) + lesions("not_a_lesion", 10)
    squares = [square(path) for path in paths]
    ours = one_pass.assess([np.asarray(s) for s in squares], "photo")
    theirs = assess([encoded(s, "PNG") for s in squares], "image/png")
    worst = 0.0
    for server, phone in zip([a.as_dict() for a in ours], theirs, strict=True):
        for name in SAME + DECIDED:
            assert phone[name] == server[name], name
        for group in ("diagnoses", "categories"):
            worst = max(worst, *(abs(phone[group][k] - p) for k, p in server[group].items()))
        assert overlap(phone["outline"], server["outline"]) > 0.98
    print(f"\nlargest difference of a probability over {len(paths)} pictures: {worst:.1e}")
    assert worst <= TOLERANCE


def test_the_browsers_own_decoding_moves_the_malignancy_little(assess, one_pass) -> None:
    """Of JPEGs as large as a phone frames them, which the browser also scales."""
    jpegs = [encoded(square(path, 900), "JPEG") for path in lesions("PAD-UFES-20", 30)]
    ours = one_pass.assess([images.decode(jpeg) for jpeg in jpegs], "photo")
    theirs = assess(jpegs, "image/jpeg")
    moved = [abs(a.malignancy - b["malignancy"]) for a, b in zip(ours, theirs, strict=True)]
    print(f"\nmalignancy moved by {np.mean(moved):.4f} on average, {max(moved):.4f} at most")
    assert max(moved) <= 0.03
