"""What others measured of a release, on pictures that are kept apart from everyone who trains."""

import json
from collections.abc import Mapping
from pathlib import Path

from ml.datasets import DatasetError

Measured = list[dict]  # one entry for each model version
ENTRY = ("model_version", "files", "date", "sets")
SET = ("set", "modality", "what", "n", "malignant", "auc_malignant", "sensitivity", "specificity")


def read(path: Path) -> Measured:
    """The entries of a file of outside figures: ``{"measured": [{"model_version", "files", "date",
    "sets": […], "not_lesions": […]}, …]}``. Raises DatasetError for a file of another form."""
    try:
        measured = json.loads(path.read_text(encoding="utf-8"))["measured"]
        for entry in measured:
            missing = [name for name in ENTRY if name not in entry]
            sets = () if missing else entry["sets"]
            missing += [name for part in sets for name in SET if name not in part]
            if missing:
                raise KeyError(missing[0])
            entry["files"]["litert"]["sha256"]
    except (UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: no file of outside figures ({error!r})") from error
    return measured


def of_release(card: Mapping, measured: Measured | None) -> dict | None:
    """What was measured of the very file and version of a model.json; None where nothing was."""
    for entry in measured or ():
        same_file = entry["files"]["litert"]["sha256"] == card["files"]["litert"]["sha256"]
        if same_file and entry["model_version"] == card["version"]:
            return {name: entry.get(name, []) for name in ("date", "sets", "not_lesions")}
    return None
