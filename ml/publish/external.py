"""What others measured of a release, on pictures that are kept apart from everyone who trains."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType

from ml.datasets import DatasetError
from ml.taxonomy import MODALITIES

Measured = list[dict]  # one entry for each model version

Fields = dict[str, type | tuple[type, ...]]
NUMBER, SHARE = (int, float), (int, float, NoneType)
ENTRY: Fields = {"model_version": str, "files": dict, "date": str, "sets": list}
SET: Fields = {
    "set": str,
    "modality": str,
    "what": str,
    "n": int,
    "malignant": int,
    "auc_malignant": SHARE,
    "sensitivity": NUMBER,
    "specificity": NUMBER,
}
KNOWN: Fields = {
    "auc_melanoma": SHARE,
    "refused": SHARE,
    "ece": SHARE,
}
NOT_LESIONS: Fields = {"what": str, "n": int, "refused": NUMBER, "called_benign": int}


def read(path: Path) -> Measured:
    """The entries of a file of outside figures: ``{"measured": [{"model_version", "files", "date",
    "sets": […], "not_lesions": […]}, …]}``. Sets have the fields of SET, and where they are known
    those of KNOWN and ``auc_malignant_ci95``. Raises DatasetError for a file of another form."""
    try:
        measured = json.loads(path.read_text(encoding="utf-8"))["measured"]
        for entry in measured:
            _check(entry, ENTRY)
            entry["files"]["litert"]["sha256"]
            for part in entry["sets"]:
                _check(part, SET | {name: KNOWN[name] for name in KNOWN.keys() & part.keys()})
                if part["modality"] not in MODALITIES:
                    raise ValueError(f"modality is not one of {', '.join(MODALITIES)}")
                low, high = part.get("auc_malignant_ci95") or (0, 1)
                if not 0 <= low <= high <= 1:
                    raise ValueError("auc_malignant_ci95 is not an interval")
            for part in entry.get("not_lesions", []):
                _check(part, NOT_LESIONS)
    except (UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: no file of outside figures ({error!r})") from error
    return measured


def _check(part: Mapping, fields: Fields) -> None:
    for name, kind in fields.items():
        if not isinstance(part[name], kind):
            raise TypeError(f"{name}: {part[name]!r}")


def of_release(card: Mapping, measured: Measured | None) -> dict | None:
    """What was measured of the very file and version of a model.json; None where nothing was."""
    for entry in measured or ():
        same_file = entry["files"]["litert"]["sha256"] == card["files"]["litert"]["sha256"]
        if same_file and entry["model_version"] == card["version"]:
            return {name: entry.get(name, []) for name in ("date", "sets", "not_lesions")}
    return None
