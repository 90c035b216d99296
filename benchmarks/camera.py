"""The camera page in headless Chromium with a fake camera, on a running ``make run``.

Frames a second beside a bare loop of the same model in the same browser, time from the tap to the
first prediction, memory over time, and what the first visit downloads.

python -m benchmarks.camera [--url http://localhost:8000] [--seconds 20] [--minutes 5]
"""

import argparse
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from benchmarks.results import keep, summary
from ml.synthetic import phantoms

WIDTH, HEIGHT = 1280, 720
FILM_FRAMES = 30
WARM_STARTS = 5
# A worker that does nothing but run the graph: what the page's worker is measured against.
BARE_LOOP = """
addEventListener("message", async ({ data: { program, seconds } }) => {
  const { start } = await import("./runtime.js");
  const { side } = await (await fetch(program.card)).json();
  const model = new Uint8Array(await (await fetch(program.model)).arrayBuffer());
  const { run, variant } = await start(program, model);
  const picture = new Float32Array(side * side * 3).fill(128);
  for (let i = 0; i < 5; i++) await run(picture);
  const milliseconds = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    const begin = performance.now();
    await run(picture);
    milliseconds.push(performance.now() - begin);
  }
  postMessage({ milliseconds, variant });
});
"""
RUN_BARE_LOOP = """([program, seconds]) => new Promise((resolve, reject) => {
  const worker = new Worker(program.worker.replace("worker.js", "bare-loop.js"));
  worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage({ program, seconds });
})"""
MEMORY = "performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--email", default="person@example.org")
    parser.add_argument("--password", default="mole-check-demo")
    parser.add_argument("--seconds", type=float, default=20, help="of each measured loop")
    parser.add_argument("--minutes", type=float, default=5, help="over which memory is watched")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        film = write_film(Path(folder) / "film.mjpeg")
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film}",
            ],
        )
        load = os.getloadavg()[0]
        bare = bare_loop(browser, options)
        context = signed_in(browser, options)
        page = context.new_page()
        first_visit = download(page)
        live = frames(page, options.seconds)
        starts = [warm_start(page) for _ in range(WARM_STARTS)]
        memory = watch_memory(page, options.minutes)
        browser.close()
    bare_fps = 1000 / statistics.mean(bare["milliseconds"])
    keep(
        "camera",
        {
            "load_before": round(load, 1),
            "runtime": bare["variant"],
            "frames_a_second": round(live["fps"], 1),
            "bare_loop_frames_a_second": round(bare_fps, 1),
            "ratio_page_to_bare_loop": round(live["fps"] / bare_fps, 2),
            "bare_loop_ms": summary(bare["milliseconds"]),
            "tap_to_first_judged_frame_ms": summary([start[0] for start in starts]),
            "tap_to_first_prediction_ms": summary([start[1] for start in starts]),
            "first_visit_megabytes": round(first_visit / 1e6, 2),
            "memory_megabytes": [round(used / 1e6, 1) for used in memory],
        },
    )


def write_film(file: Path) -> Path:
    """A drawn mole in a hand that shakes."""
    side = round(0.7 * HEIGHT)
    mole = phantoms.render("irregular_mole").resize((side, side), Image.Resampling.BICUBIC)
    steps = np.random.default_rng(1).integers(-3, 4, (FILM_FRAMES, 2)).tolist()
    with file.open("wb") as film:
        for dx, dy in steps:
            frame = mole.resize((WIDTH, HEIGHT))
            frame.paste(mole, ((WIDTH - side) // 2 + dx, (HEIGHT - side) // 2 + dy))
            jpeg = io.BytesIO()
            frame.save(jpeg, "JPEG", quality=95)
            film.write(jpeg.getvalue())
    return file


def signed_in(browser: Browser, options: argparse.Namespace, **context: str) -> BrowserContext:
    phone = browser.new_context(
        base_url=options.url,
        viewport={"width": 360, "height": 740},
        permissions=["camera"],
        ignore_https_errors=True,
        **context,
    )
    page = phone.new_page()
    page.goto("/account/login/")
    page.locator("[name=login]").fill(options.email)
    page.locator("[name=password]").fill(options.password)
    page.locator("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/records/")
    page.close()
    return phone


def bare_loop(browser: Browser, options: argparse.Namespace) -> dict:
    """The graph alone, in a worker of the same page."""
    context = signed_in(browser, options, service_workers="block")
    page = context.new_page()
    page.goto("/camera/")
    program = json.loads(page.locator("#program").text_content())

    def serve(route: Route) -> None:
        headers = page.request.get(program["worker"]).headers
        kept = ("content-type", "content-security-policy", "cross-origin-embedder-policy")
        route.fulfill(body=BARE_LOOP, headers={name: headers[name] for name in kept})

    page.route("**/bare-loop.js", serve)
    result = page.evaluate(RUN_BARE_LOOP, [program, options.seconds])
    context.close()
    return result


def download(page: Page) -> int:
    """Bytes over the wire until everything is kept for offline use."""
    sizes: list[int] = []
    page.context.on(
        "requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"])
    )
    page.goto("/camera/")
    page.wait_for_selector("[data-camera][data-offline=ready]")
    return sum(sizes)


def start(page: Page) -> None:
    page.wait_for_selector("[data-open]:not([disabled])")
    page.locator("[data-open]").click()
    page.wait_for_selector("[data-outcome][data-advice]:not([data-advice=''])")


def judged(page: Page) -> int:
    return int(page.locator("[data-camera]").get_attribute("data-frames") or 0)


def frames(page: Page, seconds: float) -> dict[str, float]:
    start(page)
    before, begin = judged(page), time.perf_counter()
    page.wait_for_timeout(seconds * 1000)
    return {"fps": (judged(page) - before) / (time.perf_counter() - begin)}


def warm_start(page: Page) -> tuple[float, float]:
    """Everything is kept already: from the tap to the first frame judged, and the first answer."""
    page.reload()
    page.wait_for_selector("[data-open]:not([disabled])")
    return tuple(
        page.evaluate(
            """() => new Promise((resolve) => {
              const begin = performance.now();
              const root = document.querySelector("[data-camera]");
              const outcome = document.querySelector("[data-outcome]");
              let judged;
              new MutationObserver(() => {
                const passed = performance.now() - begin;
                if (root.dataset.frames) judged ??= passed;
                if (outcome.dataset.advice) resolve([judged ?? passed, passed]);
              }).observe(root, { attributes: true, subtree: true });
              document.querySelector("[data-open]").click();
            })"""
        )
    )


def watch_memory(page: Page, minutes: float) -> list[int]:
    """Of page and workers together, at the start and after each minute."""
    used = [page.evaluate(MEMORY)]
    for _ in range(round(minutes)):
        page.wait_for_timeout(60_000)
        used.append(page.evaluate(MEMORY))
    return used


if __name__ == "__main__":
    main()
