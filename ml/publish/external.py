"""What others measured of a release, on pictures that are kept apart from everyone who trains."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ml.datasets import DatasetError
from ml.taxonomy import MODALITIES

Measured = list[dict]  # one entry for each model version

Fields = dict[str, Callable[[Any], bool]]


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _is_date(value: Any) -> bool:
    return bool(date.fromisoformat(value))


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_share(value: Any) -> bool:
    # Neither a number in hundred nor NaN, which JSON has no word for.
    return type(value) in (int, float) and 0 <= value <= 1


def _is_share_if_known(value: Any) -> bool:
    return value is None or _is_share(value)


ENTRY: Fields = {"model_version": _is(str), "files": _is(dict), "date": _is_date, "sets": _is(list)}
SET: Fields = {
    "set": _is(str),
    "modality": _is(str),
    "what": _is(str),
    "n": _is_count,
    "malignant": _is_count,
    "auc_malignant": _is_share_if_known,
    "sensitivity": _is_share,
    "specificity": _is_share,
}
KNOWN: Fields = {
    "auc_melanoma": _is_share_if_known,
    "refused": _is_share_if_known,
    "ece": _is_share_if_known,
}
NOT_LESIONS: Fields = {
    "what": _is(str),
    "n": _is_count,
    "refused": _is_share,
    "called_benign": _is_count,
}


def read(path: Path) -> Measured:
    """The entries of a file of outside figures: ``{"measured": [{"model_version", "files", "date",
    "sets": […], "not_lesions": […]}, …]}``. Sets have the fields of SET, and where they are known
    those of KNOWN and ``auc_malignant_ci95``; dates are ISO 8601's, and shares from 0 to 1. Raises
    DatasetError for a file of another form."""
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
    for name, can_be in fields.items():
        if not can_be(part[name]):
            raise ValueError(f"{name}: {part[name]!r} can't be right")


def of_release(card: Mapping, measured: Measured | None) -> dict | None:
    """What was measured of the very file and version of a model.json; None where nothing was."""
    for entry in measured or ():
        same_file = entry["files"]["litert"]["sha256"] == card["files"]["litert"]["sha256"]
        if same_file and entry["model_version"] == card["version"]:
            return {name: entry.get(name, []) for name in ("date", "sets", "not_lesions")}
    return None
