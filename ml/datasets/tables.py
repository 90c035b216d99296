"""Tables as people export them: any delimiter and encoding, any spelling of the columns' names."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ml.datasets.manifest import DatasetError
from ml.decoding.kinds import ENDINGS
from ml.taxonomy import CONCEPTS

SUFFIXES = {".csv", ".tsv", ".tab"}
DELIMITERS = ",;\t|"
# Our name of a column → those of published sets, the first that a table has counts.
ALIASES = {
    "image_id": ("image_id", "isic_id", "img_id", "image_name", "image", "md5hash", "filename",
                 "file_name", "file", "picture"),
    "lesion_id": ("lesion_id",),
    "patient_id": ("patient_id",),
    "dx": ("dx", "diagnosis", "diagnostic", "label", "class"),
    "modality": ("modality", "image_type"),
    "sex": ("sex", "gender"),
    "age": ("age", "age_approx"),
    "localization": ("localization", "anatom_site_general", "anatom_site_general_challenge",
                     "anatom_site", "body_site", "region", "site"),
    "skin_type": ("skin_type", "fitspatrick", "fitzpatrick", "fitzpatrick_skin_type",
                  "fitzpatrick_scale"),
    "skin_tone": ("skin_tone", "skin_tone_class"),
    "ulceration": ("monet_ulceration_crust",),
    "hair": ("monet_hair",),
    "vasculature": ("monet_vasculature_vessels",),
    "erythema": ("monet_erythema",),
    "pigmented": ("monet_pigmented",),
    "gel": ("monet_gel_water_drop_fluid_dermoscopy_liquid",),
    "skin": ("monet_skin_markings_pen_ink_purple_pen",),
}  # fmt: skip
KNOWN = {name for names in ALIASES.values() for name in names}
UNKNOWN = ("", "unknown", "nan", "na", "n/a", "none", "null", "unk", "?", "-", "-1", "-1.0")

SEPARATOR = re.compile(r'^"?sep=.{0,2}"?\s*$', re.IGNORECASE)
ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}  # skin types
END = "\0"  # a line that no table has (_lines)
csv.field_size_limit(10_000_000)  # a long note is not a reason to refuse a table


@dataclass(frozen=True, slots=True)
class Table:
    """``named`` says which of the table's own columns stands for which of ours."""

    path: Path
    columns: tuple[str, ...]
    named: dict[str, str]
    records: list[tuple[str, dict[str, str]]]  # (source, values by our names)


def columns(path: Path) -> tuple[str, ...]:
    """The columns' names in small letters, with _ for blanks; () where it is not a table."""
    try:
        return _header(_lines(path))[2]
    except (DatasetError, OSError):
        return ()


def read(path: Path, *, also: Collection[str] = ()) -> Table:
    """Raises DatasetError for a file that is not a table, and for a row in which two columns of one
    name, of those of ALIASES and ``also``, contradict each other; a blank one says nothing."""
    lines = _lines(path)
    first, delimiter, header = _header(lines)
    named = {
        ours: next(name for name in names if name in header)
        for ours, names in ALIASES.items()
        if any(name in header for name in names)
    }
    own = set(CONCEPTS)  # of a clinic, whose columns may mean anything, unless all seven stand
    if own <= set(header):
        named |= {name: name for name in CONCEPTS}
        own = set()
    ours_of = {name: ours for ours, name in named.items()}
    records = []
    for number, values in islice(_rows(path, lines, delimiter), first + 1, None):
        if not any(value.strip() for value in values):
            continue
        record: dict[str, str] = {}
        for name, value in zip(header, map(str.strip, values), strict=False):
            if name in own:
                continue
            before = record.setdefault(ours_of.get(name, name), value)
            if not before:
                record[ours_of.get(name, name)] = value
            elif value not in ("", before) and (name in ours_of or name in also):
                what = f"two columns are called {name}, and say “{before}” and “{value}”"
                raise DatasetError(f"{path}: row {number}: {what}")
        if "image_id" in record:
            record["image_id"] = without_ending(record["image_id"])
        records.append((f"{path}: row {number}", record))
    return Table(path, header, named, records)


def without_ending(name: str) -> str:
    """A picture's id, which some tables write with its ending; folders are kept, with /."""
    name = name.replace("\\", "/")
    stem, dot, ending = name.rpartition(".")
    return stem if dot and f".{ending.lower()}" in ENDINGS else name


def number(text: str) -> float | None:
    """A number, None for what stands for none. ``85+`` is 85, ``61,5`` is 61.5.

    Raises ValueError.
    """
    # PAD-UFES-20 writes Fitzpatrick's types as "2.0" and as "fitz_2".
    text = text.strip().lower().removeprefix("fitz_")
    if text in UNKNOWN:
        return None
    text = ROMAN.get(text, text)
    return float(text.rstrip("+").replace(",", ".").strip())


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16")
        elif data[1:2] == b"\0" or data[:1] == b"\0":
            text = data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be")
        else:
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = data.decode("cp1252", "replace")  # as spreadsheets on Windows save it
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a readable CSV file: {error}") from error
    if "\0" in text:
        raise DatasetError(f"{path}: not a readable CSV file: it has zero bytes")
    return list(io.StringIO(text, newline=""))


def _rows(path: Path, lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its last line. Raises DatasetError."""
    reader = csv.reader([*lines, END], delimiter=delimiter)
    begin = 1
    try:
        for values in reader:
            if values == [END]:
                return
            if values and values[-1].endswith(END):
                break
            yield reader.line_num, values
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{path}: not a readable CSV file: {error}") from error
    # All after it would be one row's field.
    raise DatasetError(f"{path}: row {begin}: a quotation mark is opened and never closed")


def _header(lines: list[str]) -> tuple[int, str, tuple[str, ...]]:
    """(index of its line, delimiter, the columns' names)."""
    # Spreadsheets may name the delimiter in a line before the header.
    written = (i for i, line in enumerate(lines) if line.strip() and not SEPARATOR.match(line))
    first = next(written, 0)
    line = lines[first] if lines else ""
    # By what it makes of the names first: in a note on one of them, there may be commas.
    ways = {delimiter: _names(line, delimiter) for delimiter in DELIMITERS}
    delimiter = max(ways, key=lambda way: (len(KNOWN.intersection(ways[way])), line.count(way)))
    return first, delimiter, ways[delimiter]


def _names(line: str, delimiter: str) -> tuple[str, ...]:
    names = next(csv.reader([line], delimiter=delimiter), [])
    return tuple(re.sub(r"[\s-]+", "_", name.strip().lower()) for name in names)
