"""A folder per class: ``mel/…``, ``nv/…``; the folder's name, in any of its words, is the label."""

from collections import Counter
from pathlib import Path

from ml.datasets import files, labels
from ml.datasets.manifest import DatasetError, Dropped, Manifest, Row, assumed
from ml.taxonomy import ALLOWED


def class_folders(folder: Path) -> list[Path]:
    """The classes of a set of this kind: the folder's own, or those in it; [] for other sets.

    A folder that is called as a class, such as “mole”, is none where those in it deny that.
    """
    inner = [p for p in files.folders_in(folder) if labels.of(p.name)]
    own = labels.of(folder.name)
    return [folder] if own and not any(_denies(p.name, own) for p in inner) else inner


def read(folder: Path, modality: str) -> Manifest:
    """Each picture is a lesion of its own, at any depth.

    A class without pictures, a folder whose name is not a class, and a picture in two classes, by
    its folders or a copy, are named in ``faults``. Raises DatasetError where nothing is left.
    """
    manifest, dataset = Manifest(), files.readable(folder.name)
    classes = class_folders(folder)
    if classes != [folder]:
        _name_strays(folder, classes, manifest)
    inside = {part: _pictures(part, manifest) for part in classes}
    left_out = _doubles([path for paths in inside.values() for path in paths], folder, manifest)
    for part, paths in inside.items():
        if not paths:
            manifest.faults.append(f"{part}: no pictures in this class")
        dx = labels.SYNONYMS[labels.plain(part.name)]
        manifest.rows += [
            _row(path, part, dataset, dx, modality) for path in paths if path not in left_out
        ]
    if not manifest.rows:
        raise DatasetError("\n".join(manifest.faults) or f"{folder}: no pictures")
    manifest.notes.append(
        f"{folder}: a folder per class: "
        + ", ".join(f"{part.name} → {labels.of(part.name)}" for part in classes)
    )
    if any(row.dx != "not_a_lesion" for row in manifest.rows):
        manifest.warnings.append(assumed(folder, modality))
    return manifest


def _row(path: Path, part: Path, dataset: str, dx: str, modality: str) -> Row:
    below = path.relative_to(part).with_suffix("").as_posix().removeprefix("images/")
    name = files.readable(f"{part.name.lower()}/{below}")
    return Row(
        path=path,
        mask=None,
        dataset=dataset,
        image_id=name,
        lesion=f"{dataset}/{name}",
        group=f"{dataset}/{name}",
        # What is not a lesion comes from ordinary cameras.
        modality="photo" if dx == "not_a_lesion" else modality,
        dx=dx,
        allowed=ALLOWED[dx],
        source=files.readable(path),
    )


def _pictures(part: Path, manifest: Manifest) -> list[Path]:
    every = list(files.below(part))
    others = [path for path in every if not files.is_picture(path)]
    manifest.warnings += files.not_read(others, part)
    classes = {path: _other_class(path, part) for path in every if files.is_picture(path)}
    manifest.faults += [
        f"{other}: {count:,} pictures left out: in the class “{part.name}”, too"
        for other, count in Counter(filter(None, classes.values())).items()
    ]
    return [path for path, other in classes.items() if not other]


def _other_class(path: Path, part: Path) -> Path | None:
    """The folder between a picture and its class that says that it is not of this class."""
    own = labels.SYNONYMS[labels.plain(part.name)]
    between = path.relative_to(part).parents[:-1]
    return next((part / folder for folder in between if _denies(folder.name, own)), None)


def _denies(name: str, own: str) -> bool:
    """Whether a folder's name is a class that the class ``own`` does not hold."""
    theirs = labels.of(name)
    if theirs in (None, "other", own):
        return False
    return theirs == "not_a_lesion" or not set(ALLOWED[theirs]) <= set(ALLOWED[own])


def _name_strays(folder: Path, classes: list[Path], manifest: Manifest) -> None:
    for stray in files.folders_in(folder):
        count = 0 if stray in classes else sum(map(files.is_picture, files.below(stray)))
        if count:
            manifest.faults.append(
                f"{stray}: {count:,} pictures left out: “{stray.name}” is not a class; "
                f"known are {labels.KNOWN}"
            )
    loose = [p for p in folder.iterdir() if p.is_file() and files.is_picture(p)]
    if loose := [p for p in loose if not files.is_junk(p)]:
        manifest.faults.append(f"{folder}: {len(loose):,} pictures left out: in no class")


def _doubles(paths: list[Path], folder: Path, manifest: Manifest) -> set[Path]:
    """Pictures to leave out: of the same one in two classes all, of others all but the first."""
    left_out: set[Path] = set()
    for group in files.same_content(paths):
        names = [str(path.relative_to(folder.parent)) for path in group]
        classes = {labels.of(_class_of(path, folder)) for path in group}
        if len(classes) > 1:
            manifest.faults.append(f"the same picture in two classes: {', '.join(names)}: left out")
            left_out.update(group)
        else:
            manifest.dropped += [
                Dropped(str(path), path.stem, "the same picture again") for path in group[1:]
            ]
            left_out.update(group[1:])
    return left_out


def _class_of(path: Path, folder: Path) -> str:
    below = path.relative_to(folder).parts
    return below[0] if len(below) > 1 and labels.of(below[0]) else folder.name
