"""Every sentence that people read is marked, and translated; found in the sources alone.

tests/site/test_pseudo_language.py looks at what the pages then show.
"""

import ast
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.base import Lexer, TokenType
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from diagnosis import mails, media
from diagnosis.language import results, terms
from diagnosis.models import MoleRecord
from ml.images import ImageError, decode
from skincare_site import messages
from tests.factories import RecordFactory, ReviewFactory, assessed, picture

LANGUAGES = [path.parts[-3] for path in messages.catalogues()]
MARKS = {*messages.KEYWORDS}
# What is read in a log, at a console, or in the description of the API.
PROGRAMMERS = {"debug", "info", "warning", "error", "exception", "critical"}
PROGRAMMERS |= {"ImproperlyConfigured", "extend_schema", "extend_schema_view", "exit"}
PRODUCTS = {"Samsung Internet", "Mac OS X", media.NOT_WRITABLE}
DESCRIPTION = ast.dump(ast.Constant("description"))
CONSOLE = {"settings.py", "service.py", "embedded.py", "processes.py", "logs.py", "health.py"}
CONSOLE |= {"environment.py", "metrics.py", "web_worker.py", "wsgi.py", "make_secrets.py"}
CONSOLE |= {"description.py", "examples.py", "schema.py"}
# Other systems read them: the terms of FHIR, DICOM and their code systems.
CONSOLE |= {"fhir.py", "fhir_api.py", "dicom.py"}
# A sentence, or at least two words of which the first is written large.
SENTENCE = re.compile(r"^[^\W\d_a-z]\w*[’']?\w*,? [\w“(]")
WORDS = re.compile(r"[^\W\d_]{2,}")
# What has no translation: names, units and file formats.
NAMES = re.compile(r"\b(mm|px|MB|PDF|JSON|ZIP|CSV|API|skincare|data)\b")
SHOWN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "aria-description", "label"}


@pytest.fixture(scope="module")
def extracted() -> list[Message]:
    return [message for message in messages.extract() if message.id]


@pytest.mark.parametrize("path", messages.catalogues(), ids=lambda path: path.parts[-3])
def test_every_message_is_translated(extracted: list[Message], path: Path) -> None:
    catalog = messages.catalogues()[path]
    missing, wrong = [], []
    for message in extracted:
        first = message.id if isinstance(message.id, str) else message.id[0]
        there = catalog.get(first, message.context)
        if not there or there.fuzzy or there.id != message.id or not all(strings(there)):
            missing.append(f"{message.locations[0][0]}: {message.id}")
        else:
            wrong += [f"{there.id}: {error}" for error in there.check(catalog)]
            wrong += [f"{there.id}: other {{names}}" for s in strings(there) if odd(first, s)]
    assert not missing, "run make messages and translate:\n" + "\n".join(missing)
    assert not wrong, "\n".join(wrong)


def test_french_signs_stand_behind_a_space_that_keeps_the_line() -> None:
    catalog = next(c for path, c in messages.catalogues().items() if path.parts[-3] == "fr")
    found = [text for m in catalog for text in strings(m) if re.search(r" ([:;?!»]|%%)|« ", text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("language", "familiar"),
    [("nl", r"\b(je|jij|jouw?)\b"), ("de", r"\b(du|dich|dir|deine?[mnrs]?)\b")],
)
def test_nobody_is_called_by_the_familiar_form(language, familiar) -> None:
    """Also where other packages say it: in e-mails and errors of signing in."""
    with translation.override(language):
        said = [translation.gettext(m.id) for m in messages.extract() if isinstance(m.id, str)]
    assert not [text for text in said if re.search(familiar, text, re.I)]


def strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def odd(english: str, other: str) -> bool:
    """Babel's checks know ``%(name)s`` only."""
    names = [sorted(re.findall(r"\{\w+\}|<.+?>", text)) for text in (english, other)]
    return names[0] != names[1]


@pytest.mark.parametrize(
    ("language", "melanoma", "mole", "refusal"),
    [
        ("fr", "mélanome", "grain de beauté", "Ce fichier n’est pas"),
        ("nl", "melanoom", "moedervlek", "Dit bestand is geen foto"),
        ("de", "Melanom", "Muttermal", "Diese Datei ist kein Bild"),
    ],
)
def test_sentences_of_the_science_are_found(language, melanoma, mole, refusal) -> None:
    """ml knows nothing of Django: its tables and errors reach gettext as variables."""
    with translation.override(language):
        assert str(terms.DIAGNOSES["mel"]) == melanoma
        assert mole in terms.REASONS["no_lesion"]
        with pytest.raises(ImageError) as refused:
            decode(b"GIF89a, but no more")
        assert translation.gettext(refused.value.message).startswith(refusal)


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("fr", "un grain de beauté que vous suivez", "3 grains de beauté que vous suivez"),
        ("nl", "een moedervlek die u volgt", "3 moedervlekken die u volgt"),
        ("de", "ein Muttermal, das Sie", "3 Muttermale, die Sie"),
    ],
)
def test_plural_forms(language, one, many) -> None:
    with translation.override(language):
        texts = [render_to_string("diagnosis/email/reminder.txt", {"moles": n}) for n in (1, 3)]
    assert one in texts[0]
    assert many in texts[1]


def test_none_of_something_takes_the_form_of_the_language() -> None:
    """0 is singular in French and plural in Dutch and German."""
    forms = {}
    for language in LANGUAGES:
        with translation.override(language):
            forms[language] = translation.ngettext("entry", "entries", 0)
    assert forms == {"de": "Einträge", "fr": "entrée", "nl": "regels"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sign_in_a_sentence_keeps_its_nouns(language, alice) -> None:
    record = assessed(owner=alice, signs=["changing"])
    with translation.override(language):
        [because] = results.answer(record).because
        sign = str(terms.SIGNS["changing"])
    assert sign[1:] in because


# --- what is not marked --------------------------------------------------------------------------


def test_python_holds_no_unmarked_sentence() -> None:
    folders = (messages.ROOT / app for app in ("accounts", "diagnosis", "skincare_site"))
    found = [
        f"{path.relative_to(messages.ROOT)}:{node.lineno} {node.value!r}"
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if path.name not in CONSOLE and not {"management", "migrations"} & {*path.parts}
        for node in unmarked(ast.parse(path.read_text(encoding="utf-8")))
        if SENTENCE.match(node.value) and node.value not in PRODUCTS
    ]
    assert not found, "\n".join(found)


def unmarked(tree: ast.AST) -> Iterator[ast.Constant]:
    """Strings that are neither marked nor a docstring, an assertion or what a programmer reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Call) and called(node) in MARKS | PROGRAMMERS:
            continue
        if isinstance(node, ast.Dict) and DESCRIPTION in map(ast.dump, filter(None, node.keys)):
            continue  # OpenAPI
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        yield from unmarked(node)


def called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


class Shown(HTMLParser):
    """The text nodes and attributes that a person meets."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "code", "kbd", "pre")
        self.texts += [value or "" for name, value in attributes if name in SHOWN_ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "code", "kbd", "pre")

    def handle_data(self, text: str) -> None:
        if not self._hidden:
            self.texts.append(text)


def test_templates_hold_no_unmarked_text() -> None:
    found = []
    for path in sorted((messages.ROOT / "templates").rglob("*.*")):
        own, constants = own_text(path.read_text(encoding="utf-8"))
        texts = Shown(own).texts if path.suffix in (".html", ".svg") else [own]
        # What tags hand on: a constant of two words is a text, unless _() stands before it.
        texts += [c for c in constants if SENTENCE.match(c)]
        where = path.relative_to(messages.ROOT)
        found += [f"{where}: {t.strip()}" for t in texts if WORDS.search(NAMES.sub("", t))]
    assert not found, "\n".join(found)


def own_text(source: str) -> tuple[str, list[str]]:
    """The template without its tags and what they translate; and the constants in its tags."""
    text, constants, inside = "", [], ""
    for token in Lexer(source).tokenize():
        name = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        if inside:
            inside = "" if name == inside else inside
        elif token.token_type is TokenType.TEXT:
            text += token.contents
        elif name in ("blocktranslate", "comment"):
            inside = f"end{name}"
        elif token.contents == "block bodyclass":
            inside = "endblock"
        elif token.token_type is not TokenType.COMMENT and name not in ("translate", "load"):
            constants += re.findall(r"""(?<!_\()["']([^"']+)["']""", token.contents)
    return text, constants


def test_scripts_hold_no_sentence() -> None:
    """Pages give scripts their words; what is thrown or logged is for programmers."""
    found = []
    for path in sorted((messages.ROOT / "static/js").rglob("*.js")):
        code = re.sub(
            r"/\*.*?\*/|^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S
        )
        for line in code.splitlines():
            if not re.search(r"\bError\(|console\.", line):
                texts = re.findall(r"""(["'`])((?:(?!\1).)+)\1""", line)
                found += [f"{path.name}: {text}" for _quote, text in texts if SENTENCE.match(text)]
    assert not found, "\n".join(found)


# --- what a person meets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "day", "size"),
    [
        ("en", "1 Mar 2026", "6.5"),
        ("fr", "1 mars 2026", "6,5"),
        ("nl", "1 maart 2026", "6,5"),
        ("de", "1. März 2026", "6,5"),
    ],
)
def test_dates_and_numbers_follow_the_language(client, alice, language, day, size) -> None:
    record = RecordFactory(owner=alice, size_mm="6.5")
    MoleRecord.objects.update(created_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    client.force_login(alice)
    address = reverse("diagnosis:record_detail", args=[record.pk])
    page = client.get(address, headers={"accept-language": language}).content.decode()
    assert day in page
    assert re.search(rf"\b{size}\smm", page)


@pytest.mark.parametrize(
    ("language", "malignancy"),
    [("en", "10.0%"), ("fr", "10,0\u00a0%"), ("nl", "10,0%"), ("de", "10,0\u00a0%")],
)
def test_doctors_read_probabilities_in_their_language(
    client, dr_chen, language, malignancy
) -> None:
    record = assessed()
    client.force_login(dr_chen)
    headers = {"accept-language": language}
    for address in (
        reverse("admin:diagnosis_molerecord_changelist"),
        reverse("admin:diagnosis_molerecord_change", args=[record.pk]),
    ):
        assert malignancy in client.get(address, headers=headers).content.decode()


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("fr", "Comment lire ce rapport"),
        ("nl", "Hoe u dit leest"),
        ("de", "Wie Sie das lesen"),
    ],
)
def test_the_report_is_in_the_language_of_the_page(client, alice, language, heading) -> None:
    client.force_login(alice)
    address = reverse("diagnosis:record_report", args=[assessed(owner=alice).pk])
    pdf = client.get(address, headers={"accept-language": language}).content
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert heading in text
    assert "How to" not in text


@pytest.mark.parametrize(
    ("language", "subject", "body", "prefix"),
    [
        ("fr", "Du nouveau sur votre page", "Connectez-vous", "Skincare grains de beauté\u00a0: "),
        ("nl", "Iets nieuws op uw pagina", "Meld u aan", "Skincare moedervlekcheck: "),
        ("de", "Etwas Neues auf Ihrer Seite", "Melden Sie sich", "Skincare Muttermal-Check: "),
    ],
)
def test_e_mails_are_in_the_language_of_their_reader(
    client, alice, dr_chen, mailoutbox, language, subject, body, prefix
) -> None:
    alice.language = language
    alice.save()
    mails.tell(ReviewFactory(record__owner=alice, doctor=dr_chen).record)
    headers = {"accept-language": language}
    client.post(reverse("account_reset_password"), {"email": alice.email}, headers=headers)
    news, password = mailoutbox
    assert news.subject == subject
    assert body in news.body
    assert password.subject.startswith(prefix)
    assert not re.search(r"\b(je|du|dein\w*)\b", password.body, re.I)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("fr", "La photo n’a que 20 × 10 pixels. Il en faut au moins 32 de chaque côté."),
        ("nl", "De foto is maar 20 × 10 pixels. Er zijn minstens 32 nodig aan elke kant."),
        ("de", "Das Bild hat nur 20 × 10 Pixel. Es braucht mindestens 32 auf jeder Seite."),
    ],
)
def test_a_refused_picture_is_explained_in_the_language_of_the_program(
    client, alice, language, sentence
) -> None:
    client.force_login(alice)
    file = SimpleUploadedFile("tiny.jpg", picture(size=(20, 10)))
    headers = {"accept-language": language}
    answer = client.post(reverse("api-record-list"), {"image": file}, headers=headers).json()
    assert answer["errors"]["image"] == [sentence]
