"""``classifier.assess`` against Keras's ``model.predict``, one picture at a time, same files.

python -m benchmarks.assess [--modality photo] [FILE …]
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.results import keep, summary
from ml import classifier, images
from ml.synthetic import phantoms
from ml.taxonomy import MODALITIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modality", choices=MODALITIES, default="photo")
    parser.add_argument("files", type=Path, nargs="*", help="default: turned phantoms")
    options = parser.parse_args()
    pictures = [images.decode(path.read_bytes()) for path in options.files] or turned_phantoms()

    assess = classifier.load()
    litert_ms = timed(lambda picture: assess.assess([picture], options.modality), pictures)
    forward_ms = timed(assess.one_pass, pictures)

    # Only now, so that LiteRT's figures are those of a process without TensorFlow.
    import keras

    from ml import network  # noqa: F401  registers the layers that the file names

    model = keras.models.load_model(
        classifier.RELEASE / assess.card["files"]["keras"]["name"], compile=False
    )

    def predict(picture: np.ndarray) -> object:
        square = images.to_input(picture, assess.side).astype(np.float32)
        return model.predict(square[None], verbose=0)

    predict_ms = timed(predict, pictures)
    keras_engine = classifier.load(engine="keras")
    keras_ms = timed(lambda picture: keras_engine.assess([picture], options.modality), pictures)
    keep(
        "assess",
        {
            "model_version": assess.version,
            "pictures": len(pictures),
            "ratio_predict_to_assess": round(np.median(predict_ms) / np.median(litert_ms), 2),
            "ratio_predict_to_forward": round(np.median(predict_ms) / np.median(forward_ms), 2),
            "assess_litert_ms": summary(litert_ms),
            "one_forward_pass_litert_ms": summary(forward_ms),
            "assess_keras_ms": summary(keras_ms),
            "model_predict_ms": summary(predict_ms),
        },
    )


def timed(call: Callable[[np.ndarray], object], pictures: list[np.ndarray]) -> list[float]:
    """Milliseconds of each picture, after two to warm up."""
    for picture in pictures[:2]:
        call(picture)
    taken = []
    for picture in pictures:
        begin = time.perf_counter()
        call(picture)
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


def turned_phantoms() -> list[np.ndarray]:
    """Phantoms in four turns, at the size that uploads are stored at."""
    rendered = [phantoms.render(name).resize((2048, 2048)) for name in phantoms.PHANTOMS]
    turns = (None, *(getattr(Image.Transpose, f"ROTATE_{degrees}") for degrees in (90, 180, 270)))
    return [
        np.asarray(picture if turn is None else picture.transpose(turn))
        for turn in turns
        for picture in rendered
    ]


if __name__ == "__main__":
    main()
