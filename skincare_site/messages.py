"""What people read, gathered for translators and compiled for Django: by Babel, no gettext tools.

``python -m skincare_site.messages update`` brings locale/*/LC_MESSAGES/django.po up to date,
``compile`` makes the .mo files beside them.
"""

import io
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from ml import taxonomy

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
KEYWORDS = DEFAULT_KEYWORDS | {
    **{f"{name}_lazy": DEFAULT_KEYWORDS[name] for name in ("gettext", "ngettext", "pgettext")},
    "ImageError": (2,),
}
TABLES = (taxonomy.DIAGNOSIS_NAMES, taxonomy.REASONS, taxonomy.WARNINGS)


def template(fileobj: io.BufferedReader, *how: object, options: dict) -> Iterator[tuple]:
    """Babel's extraction method for Django templates, by Django's own reading of them."""
    source = templatize(fileobj.read().decode())
    # What is left looks like Python, where only the indentation would mean something.
    lines = "\n".join(line.strip() for line in source.splitlines())
    return extract_python(io.BytesIO(lines.encode()), *how, options)


def tables(*_how: object, **_options: dict) -> Iterator[tuple]:
    """Babel's extraction method for the sentences of ``ml``, which knows nothing of Django."""
    for table in TABLES:
        for sentence in table.values():
            yield 0, "gettext", sentence, []


SOURCES = {
    "accounts/**/*.py": "python",
    "audit/**/*.py": "python",
    "diagnosis/**/*.py": "python",
    "skincare_site/**/*.py": "python",
    "templates/**/*.*": template,
    "ml/taxonomy.py": tables,
    "ml/costly.py": "python",
    "ml/images.py": "python",
    "ml/decoding/*.py": "python",
}
# The audit log's package brings no French, and allauth's call people du and je beside Sie and u.
PACKAGES: dict[str, dict[str, str | Callable]] = {
    "auditlog": {"*.py": "python", "templates/**/*.html": template},
    "allauth": {
        "account/adapter.py": "python",
        "account/forms.py": "python",
        "mfa/adapter.py": "python",
        "templates/*/email/*.txt": template,
        "templates/*/messages/*.txt": template,
    },
}


def sources() -> Iterator[tuple[Path, str, str | Callable]]:
    """Each file with the name that catalogues give it, and how it is read."""
    for pattern, method in SOURCES.items():
        for path in sorted(ROOT.glob(pattern)):
            yield path, path.relative_to(ROOT).as_posix(), method
    for package, patterns in PACKAGES.items():
        folder = Path(find_spec(package).origin).parent
        for pattern, method in patterns.items():
            for path in sorted(folder.glob(pattern)):
                yield path, path.relative_to(folder.parent).as_posix(), method


def extract() -> Catalog:
    """Every message of the product, without translations."""
    catalog = Catalog()
    for path, name, method in sources():
        found = extract_from_file(method, path, KEYWORDS, ("Translators:",))
        for line, message, comments, context in found:
            where = [(name, line)]
            catalog.add(message, None, where, auto_comments=comments, context=context)
    return catalog


def catalogues() -> dict[Path, Catalog]:
    """What is translated so far, by file."""
    paths = sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))
    return {path: read_po(io.BytesIO(path.read_bytes())) for path in paths}


def update() -> None:
    """Add what is new, drop what is gone; what no longer stands in the source is in git."""
    messages = extract()
    for path, catalog in catalogues().items():
        # A guess by likeness would have to be read against both sentences anyway.
        catalog.update(messages, no_fuzzy_matching=True, update_creation_date=False)
        with path.open("wb") as file:
            # Without line numbers, a diff shows only what changed for translators.
            write_po(
                file, catalog, 100, include_lineno=False, ignore_obsolete=True, sort_by_file=True
            )
        missing = sum(1 for m in catalog if m.id and not all(_strings(m)))
        print(f"{path.relative_to(ROOT)}: {len(catalog)} messages, {missing} to be translated")


def compile_all() -> None:
    """Compile as msgfmt does; fuzzy ones are left out."""
    for path, catalog in catalogues().items():
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalog)


def _strings(message: object) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


if __name__ == "__main__":
    {"update": update, "compile": compile_all}[sys.argv[1]]()
