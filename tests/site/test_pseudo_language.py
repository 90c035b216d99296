"""Every page, with each translation in ⟦brackets⟧: what stands outside is English.

It knows only what the catalogues hold: a message that no catalogue has stays outside, too.
"""

import gettext
import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import trans_real

from accounts.models import User
from diagnosis.language import frequencies
from diagnosis.models import Mole, MoleRecord, Review
from diagnosis.sharing import links
from skincare_site import messages
from tests.browser import pages

# Leads out, or is for programmers.
LEFT_OUT = {"account_logout", "admin:logout", "api-docs"}
WRAPPED = re.compile(r"⟦[^⟦⟧]*⟧")
WORDS = re.compile(r"[^\W\d_]{2,}")
SHOWN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "aria-description", "label"}
# Numbers for machines, which a language must not change.
DRAWN = {"x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "width", "height", "min", "max"}
COMMA = re.compile(r"\d,\d")
# Names and units; and what Django's and the packages' admin says in English to everybody.
AS_THEY_ARE = re.compile(
    r"\S+@\S+|https://\S+|P-[0-9a-f]{8}|English|Nederlands|Français|Deutsch|\b(mm|JSON|ZIP|PDF|UTC)\b"
    r"|^(Search|True|False|md5|test|\w+\*+)$"
    r"|Knox|Auth tokens|Authenticators|User sessions|User-group relationships"
)


class Pseudo(gettext.NullTranslations):
    """Stands for one of the languages that people can choose."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        # What comes with the packages, and our own as they stand in the source.
        keys = trans_real.translation(code)._catalog.keys()
        self.known = {key if isinstance(key, str) else key[0] for key in keys}
        self.known |= {m.id if isinstance(m.id, str) else m.id[0] for m in messages.extract()}

    def gettext(self, message: str) -> str:
        text = message.rpartition(trans_real.CONTEXT_SEPARATOR)[2]
        return f"⟦{text}⟧" if message in self.known else message

    def ngettext(self, one: str, many: str, number: int) -> str:
        text = one if number == 1 else many
        return f"⟦{text}⟧" if one in self.known else text

    def to_language(self) -> str:
        return self.code

    def language(self) -> str:
        return self.code


@pytest.fixture(autouse=True, params=[path.parts[-3] for path in messages.catalogues()])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each language in turn: of what comes with the packages, each has other gaps."""
    monkeypatch.setitem(trans_real._translations, request.param, Pseudo(request.param))
    return request.param


class Shown(HTMLParser):
    """What a person reads or hears: the running text, and apart from it attributes and words
    for scripts; the addresses of links."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text, self.apart, self.links = "", [], []
        self.drawn: list[str] = []
        self._hidden: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        of = dict(attributes)
        if not self._hidden:
            self.apart += [v for name, v in of.items() if name in SHOWN_ATTRIBUTES and v]
        self.drawn += [f"{n}={v}" for n, v in of.items() if n in DRAWN and COMMA.search(v or "")]
        if tag == "a":
            self.links.append(of.get("href") or "")
        is_of_zones = tag == "select" and of.get("name") == "time_zone"
        if tag in ("script", "style", "code", "kbd", "pre") or is_of_zones:
            self._hidden.append("words" if of.get("type") == "application/json" else tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and (tag == self._hidden[-1] or tag in ("script", "select")):
            self._hidden.pop()

    def handle_data(self, text: str) -> None:
        if not self._hidden:
            self.text += f"\n{text}"
        elif self._hidden[-1] == "words":
            self.apart += [word for word in leaves(json.loads(text)) if " " in word]

    def english(self, names: list[str]) -> list[str]:
        """What is neither translated nor a name; and numbers in a language."""
        as_they_are = re.compile("|".join([AS_THEY_ARE.pattern, *map(re.escape, names)]), re.M)
        return [
            line.strip()
            for text in (self.text, *self.apart, *self.drawn)
            for line in as_they_are.sub("", without_translations(text)).splitlines()
            if WORDS.search(line)
        ]


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)


def without_translations(text: str) -> str:
    """Also where one stands in another, or runs over several elements."""
    while text != (text := WRAPPED.sub("", text)):
        pass
    return text


def written_by_people() -> list[str]:
    """The longest first: one may be a part of another. And what data sets are called."""
    own = [Mole.objects.values_list("name"), MoleRecord.objects.values_list("note")]
    own += [Review.objects.values_list("comment"), User.objects.values_list("display_name")]
    own += [Group.objects.values_list("name")]
    words = {word for rows in own for (word,) in rows if word}
    for figures in frequencies.release()["figures"].values():
        words |= figures["datasets"].keys()
    return sorted(words, key=len, reverse=True)


def sign_in(person: User, language: str) -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(person)
    # Just now, for the pages that ask for the password again.
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    return client


def walk(client: Client, addresses: list[str], below: str | tuple = "/") -> list[str]:
    """English on these pages, and on one page of each kind that they link to."""
    found, seen, names = [], set(), written_by_people()
    queue = list(addresses)
    for address in queue:
        response = client.get(address, follow=True)
        if "text/html" not in response.headers["Content-Type"]:
            continue
        page = Shown(response.content.decode())
        found += [f"{address}: {text}" for text in page.english(names)]
        for link in page.links:
            try:
                kind = resolve(link.split("?")[0].split("#")[0]).view_name
            except Resolver404:
                continue
            if link.startswith(below) and kind not in seen | LEFT_OUT:
                seen.add(kind)
                queue.append(link)
    return found


def test_pages_of_a_person(alice, dr_chen, language: str) -> None:
    own = pages.of(alice, dr_chen)
    mole = alice.moles.first()
    links.create(owner=alice, days=7, mole=mole)
    found = walk(Client(headers={"accept-language": language}), [*pages.PUBLIC.values()])
    found += walk(sign_in(alice, language), [*own.values()])
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.mark.parametrize("name", ["dr_chen", "admin_user"])
def test_pages_of_the_staff(
    alice, dr_chen, request: pytest.FixtureRequest, name: str, language: str
) -> None:
    pages.of(alice, dr_chen)
    person = request.getfixturevalue(name)
    # Not what the packages show, as far as they have no French.
    ours = ("/admin/accounts/", "/admin/diagnosis/")
    found = walk(sign_in(person, language), [reverse("admin:index")], below=ours)
    assert not found, "\n".join(dict.fromkeys(found))
