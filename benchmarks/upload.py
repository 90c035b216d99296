"""Upload → stored result, end to end, on a running ``make run``, through the REST interface.

python -m benchmarks.upload [--url http://localhost:8000] [--uploads 20]
"""

import argparse
import io
import time

import numpy as np
import requests
from PIL import Image

from benchmarks.results import keep, summary
from ml.synthetic import phantoms

WIDTH, HEIGHT = 2048, 1536  # 3 megapixels, as from a phone
PATIENCE_S = 60
FINAL = {"done", "unusable", "failed"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--email", default="person@example.org")
    parser.add_argument("--password", default="mole-check-demo")
    parser.add_argument("--uploads", type=int, default=20)
    options = parser.parse_args()
    api = f"{options.url.rstrip('/')}/api/v1"
    session = requests.Session()
    login = session.post(
        f"{api}/auth/token/", json={"email": options.email, "password": options.password}
    )
    login.raise_for_status()
    session.headers["Authorization"] = f"Token {login.json()['token']}"

    upload_once(session, api, picture(0))  # the first one warms every process
    answered, finished, computed, states = [], [], [], []
    for number in range(1, options.uploads + 1):
        accepted, stored, record = upload_once(session, api, picture(number))
        answered.append(accepted)
        finished.append(stored)
        states.append(record["state"])
        if record["assessment"]:
            computed.append(record["assessment"]["milliseconds"])
    keep(
        "upload",
        {
            "uploads": options.uploads,
            "states": {state: states.count(state) for state in sorted(set(states))},
            "upload_to_201_ms": summary(answered),
            "upload_to_result_ms": summary(finished),
            "assessment_ms": summary(computed),
        },
    )


def picture(seed: int) -> bytes:
    """A phantom as a 3-megapixel JPEG, different each time."""
    lesion = phantoms.render("irregular_mole").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed).normal(0, 3, (HEIGHT, WIDTH, 1))
    noisy = (np.asarray(lesion) + grain).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=90)
    return file.getvalue()


def upload_once(session: requests.Session, api: str, jpeg: bytes) -> tuple[float, float, dict]:
    """→ (ms to the answer, ms to the stored result, the record); deletes the record."""
    begin = time.perf_counter()
    answer = session.post(
        f"{api}/records/",
        files={"image": ("mole.jpg", jpeg, "image/jpeg")},
        data={"modality": "photo"},
    )
    answer.raise_for_status()
    accepted = time.perf_counter() - begin
    address = f"{api}/records/{answer.json()['id']}/"
    while (record := session.get(address).json())["state"] not in FINAL:
        if time.perf_counter() - begin > PATIENCE_S:
            raise SystemExit(f"No result after {PATIENCE_S} s: is a worker running?")
        time.sleep(0.02)
    stored = time.perf_counter() - begin
    session.delete(address).raise_for_status()
    return accepted * 1000, stored * 1000, record


if __name__ == "__main__":
    main()
