"""Chromium with a camera that plays a film of one mole, made at test time."""

import atexit
import csv
import io
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from playwright.sync_api import BrowserType, Page, Route, expect

from ml import classifier, images
from ml.synthetic import foreign, phantoms
from tests.browser.conftest import PHONE, end_routes

DATA = Path(__file__).parents[4] / "shared" / "data"
WIDTH, HEIGHT = 1280, 720
FRAMED = round(0.7 * HEIGHT)  # as in static/js/camera/camera.js
FRAMES = 20


def lesions(folder: str, count: int, *dx: str) -> list[Path]:
    """Real pictures; where they are not, drawn ones take their place, and say so aloud."""
    sheet = DATA / folder / "metadata.csv"
    if dx and sheet.exists():
        with sheet.open(newline="") as rows:
            names = [f"{row['image_id']}.jpg" for row in csv.DictReader(rows) if row["dx"] in dx]
    else:
        names = [path.name for path in (DATA / folder / "images").glob("*.jpg")]
    if names:
        return [DATA / folder / "images" / name for name in sorted(names)[:count]]
    print(f"\nNOT REAL PICTURES: there is no {DATA / folder}, so drawn ones take their place.")
    return _drawn(folder == "not_a_lesion")[:count]


@cache
def _drawn(no_lesion: bool) -> list[Path]:
    """Pictures that our own code draws, which differ in size and light; always the same."""
    folder = Path(tempfile.mkdtemp(prefix="drawn-"))
    atexit.register(shutil.rmtree, folder)
    if no_lesion:
        drawn = [Image.fromarray(picture) for _kind, picture in foreign.made(10)]
    else:
        moles = [phantoms.render(name, 512) for name in phantoms.PHANTOMS]
        looks = itertools.product((0, 102, 192), (1, 0.9, 0.8, 0.75, 0.7, 0.65), moles)
        drawn = [
            ImageEnhance.Brightness(mole.crop((cut, cut, 512 - cut, 512 - cut))).enhance(light)
            for cut, light, mole in looks
        ]
    for number, picture in enumerate(drawn):
        picture.save(folder / f"{number:02}.jpg", quality=95)
    return sorted(folder.iterdir())


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
KEPT_BEFORE = """async ([person, ...times]) => {
  const opening = indexedDB.open("camera", 1);
  await new Promise((resolve) => { opening.onsuccess = resolve; });
  const pictures = opening.result.transaction("pictures", "readwrite").objectStore("pictures");
  for (const savedAt of times) {
    const id = crypto.randomUUID();
    pictures.put({ id, person, jpegs: [new ArrayBuffer(1)], advice: "", savedAt });
  }
  await new Promise((resolve) => { pictures.transaction.oncomplete = resolve; });
}"""


@pytest.fixture(scope="session")
def pick() -> Callable[[str], Path]:
    """A real photograph that the released model answers clearly ("watch", "doctor_days"), or one
    whose score lies close to a threshold ("near")."""
    loaded = classifier.load()
    limits = loaded.thresholds["photo"]
    diagnoses = {"watch": ["nv"], "doctor_days": ["mel"], "near": ["nv", "bkl"]}

    def choose(kind: str) -> Path:
        for path in lesions("PAD-UFES-20", 80, *diagnoses[kind]):
            said = loaded.assess([film_frame(path)[1]], "photo")[0]
            share = max(said.malignancy / limits.screen, said.diagnoses["mel"] / limits.melanoma)
            answer = "near" if 0.8 < share < 1.25 else said.advice
            if said.usable and answer == kind and (kind == "near" or not 0.4 < share < 3):
                return path
        raise LookupError(f"the released model says {kind} of none of the first pictures")

    return cache(choose)


def film_frame(path: Path, dx: int = 0, dy: int = 0) -> tuple[Image.Image, np.ndarray]:
    """A picture in the middle of the camera's view, and the part that the page frames."""
    lesion = Image.fromarray(images.decode(path.read_bytes()))
    top, left, side = images.central_square(lesion.height, lesion.width)
    lesion = lesion.crop((left, top, left + side, top + side)).resize((FRAMED, FRAMED))
    frame = lesion.resize((WIDTH, HEIGHT)).filter(ImageFilter.GaussianBlur(60))
    frame.paste(lesion, ((WIDTH - FRAMED) // 2 + dx, (HEIGHT - FRAMED) // 2 + dy))
    x, y = (WIDTH - FRAMED) // 2, (HEIGHT - FRAMED) // 2
    return frame, np.asarray(frame.crop((x, y, x + FRAMED, y + FRAMED)))


def write_film(file: Path, frames: list[Image.Image]) -> Path:
    """Motion JPEG, which Chromium's fake camera plays over and over."""
    with file.open("wb") as film:
        for frame in frames:
            jpeg = io.BytesIO()
            frame.save(jpeg, "JPEG", quality=95)
            film.write(jpeg.getvalue())
    return file


@lru_cache(maxsize=4)
def shaken(picture: Path, count: int = FRAMES, pixels: int = 3) -> list[Image.Image]:
    """Held in a hand that shakes."""
    steps = np.random.default_rng(1).integers(-pixels, pixels + 1, (count, 2))
    return [film_frame(picture, *step)[0] for step in steps.tolist()]


@pytest.fixture
def film(tmp_path: Path) -> Callable[[list[Image.Image]], Path]:
    return lambda frames: write_film(tmp_path / "film.mjpeg", frames)


@pytest.fixture
def phone(
    browser_type: BrowserType, browser_type_launch_args: dict, base_url: str, alice, log_in
) -> Iterator[Callable[..., Page]]:
    """phone(film): alice's phone on the camera page; without a film it has no camera."""
    browsers = []

    def take(
        film: Path | None,
        *,
        allowed: bool = True,
        routes: dict | None = None,
        script: str = "",
        text: int = 16,
    ) -> Page:
        device = "--use-fake-device-for-media-stream"
        fake = [device, f"--use-file-for-fake-video-capture={film}"]
        args = browser_type_launch_args["args"] + (fake if film else [f"{device}=device-count=0"])
        args.append(f"--blink-settings=defaultFontSize={text}")
        browser = browser_type.launch(**browser_type_launch_args | {"args": args})
        browsers.append(browser)
        context = browser.new_context(
            base_url=base_url, viewport=PHONE, locale="en-GB", timezone_id="UTC"
        )
        if allowed:
            context.grant_permissions(["camera"])
        for address, handler in (routes or {}).items():
            context.route(address, handler)
        context.add_init_script(script)
        log_in(context, alice)
        page = context.new_page()
        page.on("pageerror", lambda error: print(f"page error: {error}"))
        page.goto("/camera/")
        return page

    yield take
    for browser in browsers:
        for context in browser.contexts:
            end_routes(context)
        browser.close()


def start(page: Page) -> None:
    button = page.get_by_role("button", name="Start the camera")
    expect(button).to_be_enabled(timeout=60_000)
    button.click()


def expect_advice(page: Page, advice: str) -> None:
    outcome = page.locator("[data-outcome]")
    expect(outcome).to_have_attribute("data-advice", advice, timeout=30_000)


def frames(page: Page) -> int:
    return int(page.locator("[data-camera]").get_attribute("data-frames") or 0)


def save(page: Page) -> None:
    button = page.get_by_role("button", name="Save this picture")
    expect(button).to_be_enabled(timeout=30_000)
    button.click()


def held(page: Page, act: Callable[[], None]) -> list[Route]:
    """Do what sends a picture, whose request has come then, and waits for what the test does."""
    sent: list[Route] = []
    page.route("**/api/v1/records/", lambda route: sent.append(route))
    with page.expect_request("**/api/v1/records/"):
        act()
    expect(page.get_by_text("Sending the picture…")).to_be_visible()
    return sent


def kept_for_offline(page: Page) -> None:
    expect(page.locator("[data-camera]")).to_have_attribute("data-offline", "ready", timeout=60_000)
    # It serves this page once it has tidied up.
    page.wait_for_function("() => navigator.serviceWorker.controller")
