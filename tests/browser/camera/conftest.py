"""Chromium with a camera that plays a film of one mole, made at test time."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import BrowserContext, BrowserType, Page

from ml import classifier, images
from tests.browser.conftest import PHONE

DATA = Path(__file__).parents[4] / "shared" / "data"
WIDTH, HEIGHT = 1280, 720
FRAMED = round(0.7 * HEIGHT)  # as in static/js/camera/camera.js
FRAMES = 20

Look = Callable[[Image.Image], Image.Image]


def lesions(folder: str, count: int) -> list[Path]:
    """Real pictures; a checkout without them says aloud which tests it leaves out."""
    found = sorted((DATA / folder / "images").glob("*.jpg"))[:count]
    if not found:
        print(f"\nLEFT OUT: there is no {DATA / folder}, and this test is about real pictures.")
        pytest.skip(f"no pictures in {DATA / folder}")
    return found


@pytest.fixture(scope="session")
def pick() -> Callable[[str], Path]:
    """pick(advice): a real photograph that the released model clearly answers so."""
    loaded = classifier.load()
    known: dict[str, Path] = {}

    def choose(advice: str) -> Path:
        for path in lesions("PAD-UFES-20", 400):
            if advice in known:
                break
            said = loaded.assess([film_frame(path)[1]], "photo")[0]
            near = loaded._near(np.array(list(said.diagnoses.values())), loaded.thresholds["photo"])
            if not near and said.usable:
                known.setdefault(said.advice, path)
        return known[advice]

    return choose


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


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """film(picture, shake=pixels): held in a hand that shakes."""

    def make(picture: Path, shake: int = 3) -> Path:
        steps = np.random.default_rng(1).integers(-shake, shake + 1, (FRAMES, 2))
        frames = [film_frame(picture, *step)[0] for step in steps.tolist()]
        return write_film(tmp_path / f"{picture.stem}.mjpeg", frames)

    return make


@pytest.fixture
def phone(
    browser_type: BrowserType, browser_type_launch_args: dict, base_url: str, alice, log_in
) -> Iterator[Callable[..., Page]]:
    """phone(film): alice's phone on the camera page; without a film it has no camera."""
    browsers = []

    def take(
        film: Path | None, *, allowed: bool = True, context: dict | None = None, wait: bool = True
    ) -> Page:
        args = [*browser_type_launch_args["args"], "--enable-precise-memory-info"]
        args += ["--use-fake-device-for-media-stream"] + (
            [f"--use-file-for-fake-video-capture={film}"] if film else ["device-count=0"]
        )
        if film is None:
            args[-2:] = ["--use-fake-device-for-media-stream=device-count=0"]
        browser = browser_type.launch(**browser_type_launch_args | {"args": args})
        browsers.append(browser)
        opened: BrowserContext = browser.new_context(
            base_url=base_url, viewport=PHONE, locale="en-GB", timezone_id="UTC", **context or {}
        )
        if allowed:
            opened.grant_permissions(["camera"])
        log_in(opened, alice)
        page = opened.new_page()
        page.on("console", lambda said: print(f"[{said.type}] {said.text}"))
        page.on("pageerror", lambda error: print(f"[error] {error}"))
        page.goto("/camera/")
        if wait:
            page.get_by_role("button", name="Start the camera").wait_for()
        return page

    yield take
    for browser in browsers:
        browser.close()
