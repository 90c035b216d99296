"""Sets with a table: the ISIC archive's, HAM10000, ISIC 2018 to 2020, PAD-UFES-20, Fitzpatrick17k,
MILK10k, and a clinic's own in the same manner."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import eq
from pathlib import Path

from ml.datasets import files, labels, tables
from ml.datasets.manifest import REGION_OF, DatasetError, Dropped, Manifest, Row, assumed
from ml.datasets.tables import Table
from ml.person import OLDEST
from ml.taxonomy import ALLOWED, CONCEPTS, DEFAULT_MODALITY, MODALITIES

NAMES = ("metadata.csv", "ham10000_metadata.csv", "ham10000_metadata")
# From the most to the least specific; what the archive calls a lesion stands in five of them.
LABELS = ("dx", "diagnosis_5", "diagnosis_4", "diagnosis_3", "diagnosis_2", "diagnosis_1",
          "benign_malignant", "three_partition_label")  # fmt: skip
# Columns by which published sets that don't say it are known: HAM10000, ISIC 2018 to 2020, and the
# photographs of PAD-UFES-20 and Fitzpatrick17k.
LAYOUTS = {
    "dermoscopy": ({"dx_type", "image_id"}, {"image", "mel", "nv", "bcc"},
                   {"image_name", "anatom_site_general_challenge"}),
    "photo": ({"img_id", "diagnostic"}, {"md5hash"}),
}  # fmt: skip
TRUTH = {"dx", *LABELS, *labels.ONE_HOT}
MODALITY_OF = {
    "dermoscopy": ("dermoscopy", "dermoscopic", "dermatoscopic", "dermatoscopy"),
    "photo": ("photo", "clinical", "clinical: close-up", "clinical: overview", "smartphone",
              "tbp tile: close-up", "macroscopic"),
}  # fmt: skip
MODALITY = {word: modality for modality, words in MODALITY_OF.items() for word in words}
SMALLER = "_downsampled"  # ISIC 2019 adds it to the names of pictures that it reduced


def is_table(path: Path) -> bool:
    """Whether a file is called as a table is."""
    return path.suffix.lower() in tables.SUFFIXES or path.name.lower() in NAMES


def find(folder: Path, labelled: bool = True) -> list[Path]:
    """The folder's tables, if it is a set of this kind: of pictures or lesions, with a label; or,
    where that need not be, of pictures and what else is known of them."""
    inside = [
        p
        for part in (folder, *(p for p in files.folders_in(folder) if "groundtruth" in _plain(p)))
        for p in sorted(part.iterdir())
        if p.is_file() and not files.is_junk(p) and is_table(p)
    ]
    known = [p for p in inside if p.name.lower() in NAMES or _is_of_lesions(tables.columns(p))]
    named = any(p.name.lower() in NAMES for p in known)
    tell = _has_labels if labelled else _tells
    return known if named or any(tell(tables.columns(p)) for p in known) else []


def read(folder: Path, modality: str | None, labelled: bool = True) -> Manifest:
    """Join the folder's tables and the pictures at any depth below it, and masks/.

    ``modality``, where it is given, holds where no table has one. What can't be used is left out
    and named in ``faults``; a row without a diagnosis is “other” where it need not be ``labelled``.
    Raises DatasetError for a table that can't be read, lacks a column, or leaves nothing.
    """
    paths = find(folder, labelled)
    return _Reader(
        folder, modality, labelled, [tables.read(path, also=TRUTH) for path in paths]
    ).read()


@dataclass(slots=True)
class _Reader:
    folder: Path
    modality: str | None
    labelled: bool
    tables: list[Table]
    # By their names in small letters, without ending; and the folders that tables write with these.
    pictures: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    masks: dict[str, Path] = field(default_factory=dict)
    written: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    manifest: Manifest = field(default_factory=Manifest)
    words: Counter = field(default_factory=Counter)  # (column, word, label)
    unknown: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    unusual: bool = False  # the modality that was given, for a set of this layout
    strange: Counter = field(default_factory=Counter)  # (column, word), of rows read without it

    def read(self) -> Manifest:
        self._files()
        records = self._records()
        if not self.pictures:
            raise DatasetError(f"{self.tables[0].path}: no pictures in images/ or beside it")
        labels_of: dict[str, str] = {}
        rows: dict[str, Row] = {}
        for source, record in records:
            image_id = record.get("image_id", "")
            if not image_id:
                self._fault(source, "no image_id")
                continue
            dx, row = self._row(source, record)
            key = files.key(image_id)
            if key in labels_of:
                self._again(source, image_id, (dx, labels_of[key]), row, rows)
                continue
            labels_of[key] = dx or ""
            if row:
                rows[key] = row
        self.manifest.rows = list(rows.values())
        self._name_unknown()
        if not self.manifest.rows:
            raise DatasetError("\n".join([*self.manifest.faults, f"{self.folder}: no rows"]))
        # Kaggle's and the archive's folders may hold more than the table names: not an error.
        used = {row.path for row in rows.values()}.union(*map(self._paths, labels_of))
        self.manifest.dropped += [
            Dropped(str(path), path.stem, "no metadata row")
            for path in sorted({*chain(*self.pictures.values())} - used)
        ]
        self._warn_of_strange_words()
        self._note()
        return self.manifest

    def _files(self) -> None:
        """Pictures and masks; of copies of one picture the first."""
        others = []
        for path in files.below(self.folder):
            if is_table(path):
                continue
            if files.is_mask(path, self.folder):
                # HAM10000's masks are published with this suffix.
                self.masks[files.key(path.stem.removesuffix("_segmentation"))] = path
            elif not files.is_picture(path):
                others.append(path)
            else:
                self.pictures[files.key(path.stem)].append(path)
        for paths in self.pictures.values():
            for again in chain(*(copies[1:] for copies in files.same_content(paths))):
                paths.remove(again)
                self.manifest.dropped.append(
                    Dropped(str(again), again.stem, "the same picture again")
                )
        told = [p for p in others if p.suffix.lower() not in (".txt", ".md", ".pdf", ".html", "")]
        self.manifest.warnings += files.not_read(told, self.folder)

    def _paths(self, image_id: str) -> list[Path]:
        """The pictures that an id may mean, which may say in which folders they lie."""
        *folders, name = files.key(image_id).split("/")
        names = (name, name.removesuffix(SMALLER), name + SMALLER)
        called = next((self.pictures[of] for of in names if of in self.pictures), [])
        if len(called) == 1 and len(self.written[name]) < 2:
            return called  # wherever it lay when the table was written

        def lies(path: Path) -> bool:
            its = map(files.key, reversed(path.relative_to(self.folder).parent.parts))
            return all(map(eq, reversed(folders), its))

        return [path for path in called if lies(path)]

    def _id(self, written: str) -> str:
        """The picture's name, with its folders where another one is called so, too."""
        name = written.rpartition("/")[2]
        found = self._paths(written)
        if len(found) != 1:
            return written
        alone = len(self.pictures[files.key(found[0].stem)]) == 1
        return name if alone else files.readable(found[0].relative_to(self.folder).with_suffix(""))

    def _records(self) -> list[tuple[str, dict[str, str]]]:
        """A record a picture: those of the labelled tables, filled up from each other, and from the
        others."""
        with_pictures = [t for t in self.tables if "image_id" in t.named]
        if not with_pictures:
            raise DatasetError(f"{self.tables[0].path}: row 1: no column image_id")
        labelled = [t for t in self.tables if _has_labels(t.columns)]
        if self.labelled and not labelled:
            raise DatasetError(f"{self.tables[0].path}: row 1: no column dx")
        main = [t for t in with_pictures if t in labelled] or with_pictures
        more: dict[tuple[str, str], dict[str, str]] = {}

        def told(of: str, record: dict[str, str]) -> dict[str, str]:
            name = _known(record, of)  # else all that have none were joined
            return more.setdefault((of, files.key(name)), {}) if name else {}

        for table in with_pictures:
            for _source, record in table.records:
                folders, slash, name = files.key(record.get("image_id", "")).rpartition("/")
                self.written[name].update([folders] if slash else [])
        for table in with_pictures:
            for _source, record in table.records:
                record["image_id"] = self._id(record.get("image_id", ""))
        for table in self.tables:
            by = "image_id" if "image_id" in table.named else "lesion_id"
            for _source, record in table.records:
                # Where two rows of a picture have other labels, both are to be seen.
                of_it = {c: t for c, t in record.items() if table not in main or c not in TRUTH}
                _fill(told(by, record), of_it)
        found = []
        for table in main:
            for source, record in table.records:
                _fill(record, told("image_id", record))
                _fill(record, told("lesion_id", record))
                found.append((source, record | {"": " ".join(table.columns)}))
        records = [record for _source, record in found]
        _tell_all("patient_id", records)
        _name_by_patient(records)
        _tell_all("same_lesion_as", records)
        return found

    def _row(self, source: str, record: dict[str, str]) -> tuple[str | None, Row | None]:
        """(label, row); None for what is not known or left out, which is a fault then."""
        image_id = record["image_id"]
        dx = self._label(source, record)
        word = record.get("modality", "").lower()
        modality = MODALITY.get(word)
        paths = self._paths(image_id)
        if not word:
            usual = self._usual_modality(record)
            modality = self.modality or usual or DEFAULT_MODALITY
            self.manifest.of_assumed_kind.update(() if usual else paths)
            self.unusual |= usual not in (None, modality)
        if not modality:
            self._fault(source, f"unknown modality “{word}”; known are {', '.join(MODALITIES)}")
            self.manifest.of_no_kind.update(paths)
        if not paths:
            self._fault(source, f"no picture for {image_id}")
        elif len(paths) > 1:
            several = ", ".join(str(path.relative_to(self.folder)) for path in paths)
            self._fault(source, f"no single picture for {image_id}: {several}")
        if not (dx and modality and len(paths) == 1):
            return dx, None
        lesion = _known(record, "lesion_id") or image_id
        dataset = files.readable(self.folder.name)
        patient = _known(record, "patient_id")
        # A lesion that another set also has is called as there, so that both are on one side.
        lesion = _known(record, "same_lesion_as") or f"{dataset}/{lesion}"
        return dx, Row(
            path=paths[0],
            mask=self.masks.get(files.key(image_id)),
            dataset=dataset,
            image_id=image_id,
            lesion=lesion,
            group=f"{dataset}/{patient}" if patient else lesion,
            modality=modality,
            dx=dx,
            allowed=ALLOWED[dx],
            sex=self._word(record, "sex", SEX_OF),
            age=self._number(source, record, "age"),
            body_site=self._word(record, "localization", REGION_OF),
            skin_type=self._whole(source, record, "skin_type"),
            skin_tone=self._whole(source, record, "skin_tone"),
            concepts=_concepts(record),
            source=source,
        )

    def _usual_modality(self, record: dict[str, str]) -> str | None:
        columns = set(record[""].split())
        for modality, layouts in LAYOUTS.items():
            if any(layout <= columns for layout in layouts):
                return modality
        return None

    def _label(self, source: str, record: dict[str, str]) -> str | None:
        words = [(name, record[name]) for name in LABELS if record.get(name)]
        if not words:
            chosen = [name for name in labels.ONE_HOT if _share(record.get(name, "")) >= 0.5]
            if len({labels.of(name) for name in chosen}) > 1:
                what = f"several diagnoses: {', '.join(chosen)}"
                self._fault(source, what, self._without)
                return None if self.labelled else "other"
            words = [("class", name) for name in chosen]
        for column, word in words:
            if dx := labels.of(word):
                # "unknown" in one column, and "benign" in the next.
                if dx == "other" and (column, word) != words[-1]:
                    continue
                for other, said in words if labels.is_benign(dx) else ():
                    if labels.is_malignant(labels.of(said)):
                        what = f"“{word}”, and “{said}” in column {other}"
                        self._fault(source, what, self._without)
                        return None if self.labelled else "other"
                self.words[column, word, dx] += 1
                return dx
        if words:
            self.unknown.setdefault(words[0], []).append(source)
        elif self.labelled:
            self._fault(source, "no diagnosis")
        return None if self.labelled else "other"

    def _again(
        self,
        source: str,
        image_id: str,
        labels: tuple[str | None, str],
        row: Row | None,
        rows: dict[str, Row],
    ) -> None:
        """A second row of a picture: nobody can tell which of two that contradict is right."""
        key = files.key(image_id)
        (dx, before), first = labels, rows.get(key)
        if self.labelled and (dx or "") != before:
            rows.pop(key, None)
            self._fault(source, f"{image_id} again, as “{dx}”; before it was “{before}”")
        elif first and row and first.modality != row.modality:
            del rows[key]
            self.manifest.of_no_kind.add(first.path)
            what = f"{image_id} again, as {row.modality}; before it was {first.modality}"
            self._fault(source, what)
        elif first and row and _whose(first) != _whose(row):
            if self.labelled:
                del rows[key]
            else:
                alone = f"{first.dataset}/{image_id}"
                rows[key] = replace(first, lesion=alone, group=alone)
            what = f"{image_id} again, of another lesion or patient than before"
            self._fault(source, what, self._without)
        else:
            self.manifest.dropped.append(Dropped(source, image_id, "the same picture again"))

    def _word(
        self, record: dict[str, str], column: str, known: Mapping[str, str | None]
    ) -> str | None:
        word = record.get(column, "").lower()
        if word not in known and word not in tables.UNKNOWN:
            self.strange[column, word] += 1
        return known.get(word)

    def _number(self, source: str, record: dict[str, str], column: str) -> float | None:
        text = record.get(column, "")
        try:
            found = tables.number(text)
        except ValueError:
            self._fault(source, f"{column} “{text}” is not a number", "read without it")
            return None
        if found is not None and not 0 <= found < OLDEST:
            self._fault(source, f"{column} {text} can't be right", "read without it")
            return None
        return found

    def _whole(self, source: str, record: dict[str, str], column: str) -> int | None:
        found = self._number(source, record, column)
        return None if found is None else int(found)

    def _fault(self, source: str, what: str, then: str = "left out") -> None:
        self.manifest.faults.append(f"{source}: {what}: {then}")

    @property
    def _without(self) -> str:
        """What becomes of a picture whose row is of no use; one without a label is imported."""
        return "left out" if self.labelled else "read without it"

    def _name_unknown(self) -> None:
        for (column, word), sources in self.unknown.items():
            rows = f"{len(sources):,} rows" if len(sources) > 1 else "the row"
            self._fault(
                sources[0],
                f"unknown diagnosis “{word}” (column {column}); known are {labels.KNOWN}",
                f"{rows} {self._without}",
            )

    def _warn_of_strange_words(self) -> None:
        for column, known in (("sex", SEX_OF), ("localization", REGION_OF)):
            words = [(word, n) for (of, word), n in self.strange.most_common() if of == column]
            if words:
                told = ", ".join(f"“{word}” × {count:,}" for word, count in words[:TOLD])
                more = f", and {len(words) - TOLD:,} more words" if len(words) > TOLD else ""
                self.manifest.warnings.append(
                    f"{self.folder}: {sum(n for _, n in words):,} rows read without {column}, "
                    f"whose word is not known: {told}{more}; known are {', '.join(known)}"
                )

    def _note(self) -> None:
        for table in self.tables:
            told = ", ".join(
                name if name == ours else f"{ours} from {name}"
                for ours, name in table.named.items()
            )
            self.manifest.notes.append(f"{table.path}: {len(table.records):,} rows; {told}")
        if self.unusual:
            self.manifest.warnings.append(
                f"{self.folder}: taken as {self.modality}, as --modality says; its columns are "
                "those of a published set of the other kind"
            )
        if self.manifest.of_assumed_kind:
            self.manifest.warnings.append(assumed(self.folder, self.modality or DEFAULT_MODALITY))
        elif not any("modality" in table.named for table in self.tables):
            how = ", ".join(sorted({row.modality for row in self.manifest.rows}))
            self.manifest.notes.append(f"{self.folder}: taken as {how}: no table has a modality")
        meant = [
            f"{word} → {dx} × {count:,}"
            for (_, word, dx), count in sorted(self.words.items())
            if word.lower() != dx
        ]
        if meant:
            self.manifest.notes.append(f"{self.folder}: {', '.join(meant)}")


SEX_OF = {"female": "female", "f": "female", "male": "male", "m": "male"}
TOLD = 20  # words that are not known, of each column


def _whose(row: Row) -> tuple[str, str]:
    """Lesion and patient, which tables of one set may write in other letters."""
    return row.lesion.casefold(), row.group.casefold()


def _plain(path: Path) -> str:
    return path.name.lower().replace("_", "")


def _has_labels(columns: tuple[str, ...]) -> bool:
    names = {*tables.ALIASES["dx"], *LABELS}
    return any(c in names for c in columns) or sum(c in labels.ONE_HOT for c in columns) > 2


def _tells(columns: tuple[str, ...]) -> bool:
    """Whether a table says of pictures what they are of, or how they were taken."""
    of_pictures, *others = (
        any(c in tables.ALIASES[name] for c in columns)
        for name in ("image_id", "modality", "lesion_id", "patient_id")
    )
    return of_pictures and any(others) or _has_labels(columns)


def _is_of_lesions(columns: tuple[str, ...]) -> bool:
    return any(c in (*tables.ALIASES["image_id"], "lesion_id") for c in columns)


def _known(record: dict[str, str], column: str) -> str:
    """What a column says; "" for a word that stands for nothing: else all such rows were one."""
    text = record.get(column, "")
    return "" if text.lower() in tables.UNKNOWN else text


def _fill(record: dict[str, str], further: Mapping[str, str]) -> None:
    """Take over what a record leaves open."""
    for column, text in further.items():
        if text and not _known(record, column):
            record[column] = text


def _by_lesion(records: list[dict[str, str]]) -> Iterable[list[dict[str, str]]]:
    """The records of each lesion that is named."""
    of_lesion: dict[str, list[dict[str, str]]] = defaultdict(list)
    for record in records:
        if lesion := files.key(_known(record, "lesion_id")):
            of_lesion[lesion].append(record)
    return of_lesion.values()


def _tell_all(column: str, records: list[dict[str, str]]) -> None:
    """Fill a column for all pictures of a lesion, where they do not contradict each other."""
    for pictures in _by_lesion(records):
        said = {_known(record, column) for record in pictures} - {""}
        for record in pictures if len(said) == 1 else ():
            _fill(record, {column: min(said)})


def _name_by_patient(records: list[dict[str, str]]) -> None:
    """Give each patient's lesions names of their own, where a table numbers them anew; a picture of
    an unknown patient is then of no lesion that is known."""
    for pictures in _by_lesion(records):
        if len({_known(record, "patient_id") for record in pictures} - {""}) > 1:
            for record in pictures:
                patient = _known(record, "patient_id")
                record["lesion_id"] = f"{patient}/{record['lesion_id']}" if patient else ""


def _concepts(record: dict[str, str]) -> tuple[float | None, ...]:
    scores = tuple(_score(record.get(name, "")) for name in CONCEPTS)
    return scores if any(score is not None for score in scores) else ()


def _score(text: str) -> float | None:
    """A number of 0–1; None for all else, which is not a score."""
    with suppress(ValueError):
        found = tables.number(text)
        return found if found is not None and 0 <= found <= 1 else None
    return None


def _share(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
