"""The report: a PDF in A4 that a person takes to a doctor."""

import io
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from fpdf import FPDF, XPos, YPos
from fpdf.fonts import TTFFont
from PIL import Image

from accounts.models import User
from diagnosis import limits, media
from diagnosis.language import changes as language
from diagnosis.language import figures, frequencies, plots, results, terms, verdicts
from diagnosis.moles import changes
from diagnosis.moles.models import Change, Mole
from diagnosis.records import pictures
from diagnosis.records.models import MoleRecord, Picture
from diagnosis.sharing import letters
from diagnosis.sharing.models import Share
from ml.sitting.together import MOST

AT_MOST = 40  # pictures: what prints on twenty sheets
PIXELS = 1000  # of a picture's long side: 300 a inch at the size printed
PICTURE_MM = 80
FURTHER_MM = PICTURE_MM / (MOST - 1) - 1  # the others of a sitting: all in one row
MARGIN_MM = 18
GREY = (75, 92, 101)
LINE = (195, 207, 209)
FONT = "DejaVu"

if TYPE_CHECKING:
    from diagnosis.reviews.models import Review


def write(
    *,
    person: User,
    records: Iterable[MoleRecord],
    mole: Mole | None = None,
    share: Share | None = None,
) -> bytes:
    """A PDF with the newest pictures, oldest first; says so when older ones are left out.

    ``share``: through which it is asked for, if not by the person. Raises TryLater.
    """
    limits.spend(share or person, "reports")
    every = sorted(records, key=lambda record: record.created_at)
    shown = every[-AT_MOST:]
    with closing(_Report()) as report:
        report.set_lang(get_language() or "en")
        report.set_title(
            _("Pictures of a mole") if mole is None else _("Mole: %(name)s") % {"name": mole}
        )
        report.opening(person, born(person, every), mole, len(every), len(shown))
        if plot := plots.size_plot(every):
            report.plot(_("Size in millimetres, as measured by the person"), plot)
        found = changes.of(every) if mole else {}
        if plot := plots.area_plot(found):
            report.plot(_("Area, compared with the first picture"), plot)
        for record in reversed(shown):
            report.record(record, found.get(record))
        return bytes(report.output())


def born(person: User, shown: Iterable[MoleRecord]) -> date | None:
    """The birthday to be said of these pictures: none where one was imported."""
    return None if any(record.is_imported for record in shown) else person.date_of_birth


class _Report(FPDF):
    _lacks_letters = False

    def __init__(self) -> None:
        super().__init__(format="A4")
        for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
            self.add_font(FONT, style, _font(f"vendor/dejavu/{name}.ttf"))
        self.set_text_shaping(True)
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(True, margin=22)
        self.alias_nb_pages()
        self.add_page()

    def close(self) -> None:
        """Close the fonts' files, which FPDF does for a report that is whole alone."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.close()

    def footer(self) -> None:
        self.set_xy(MARGIN_MM, -16)  # a page also ends within what stands beside a picture
        self._style(7.5, GREY)
        if self._lacks_letters:
            said = _("%(sign)s stands for a letter or sign that this file can’t show.")
            self.multi_cell(
                0,
                3.6,
                said % {"sign": letters.LACKING},
                align="C",
                new_x=XPos.LEFT,
                new_y=YPos.NEXT,
            )
        self.multi_cell(
            0,
            3.6,
            _("A proof of concept, not an approved medical device. It can be wrong.")
            + "  "
            + _("Page %(page)s of %(pages)s") % {"page": self.page_no(), "pages": "{nb}"},
            align="C",
        )

    def opening(
        self, person: User, born: date | None, mole: Mole | None, every: int, shown: int
    ) -> None:
        self._line(self.title, 20, bold=True, gap=3)
        facts = [(_("Person"), person.display_name or _("Not given"))]
        if born:
            facts.append((_("Born on"), date_format(born, "DATE_FORMAT")))
        if mole and mole.body_site:
            facts.append((_("Where"), capfirst(mole.get_body_site_display())))
        pictures = ngettext("%(number)s picture", "%(number)s pictures", every) % {"number": every}
        if shown < every:
            pictures += " " + _("(the newest %(number)s are shown)") % {"number": shown}
        facts += [(_("Pictures"), pictures), (_("Written on"), _moment(timezone.now()))]
        self._facts(facts)
        self._line(_("How to read this"), 12, bold=True, gap=1)
        for sentence in (
            _(
                "The person took the pictures and gave the sizes; nobody has checked them. "
                "Their colours depend on the light and on the camera."
            ),
            _(
                "A program compared these pictures with others, each by itself, or together where "
                "they were taken together. It misses skin cancers, and it learned mostly from "
                "light skin. Its figures are not a diagnosis, and a difference between two of "
                "them does not mean that the mole changed."
            ),
        ):
            self._line(sentence, 9.5, GREY, gap=1.5)

    def plot(self, heading: str, plot: plots.Plot) -> None:
        """Points joined by a line, with their error, over the lines of a scale."""
        self.ln(3)
        self._line(heading, 12, bold=True, gap=3)
        left, top, width, height = MARGIN_MM + 12, self.get_y(), self.epw - 16, 42
        self._style(8, GREY)
        self.set_line_width(0.2)
        self.set_draw_color(*LINE)
        for row in plot.rows:
            y = top + row.y * height
            self.line(left, y, left + width, y)
            self.set_xy(MARGIN_MM, y - 2)
            self.cell(10, 4, row.label, align="R")
        places = [(left + 2 + p.x * (width - 4), top + p.y * height) for p in plot.points]
        self.set_draw_color(10, 90, 96)
        self.set_fill_color(10, 90, 96)
        self.set_line_width(0.5)
        self.polyline(places)
        for (x, y), point in zip(places, plot.points, strict=True):
            self.circle(x, y, 1.1, style="F")
            if point.low is not None and point.high is not None:
                self.line(x, top + point.low * height, x, top + point.high * height)
        self.set_xy(left, top + height + 1.5)
        self.cell(width / 2, 4, plot.points[0].date)
        self.cell(width / 2, 4, plot.points[-1].date, align="R")
        self.ln(8)
        self._line(plot.hint, 8, GREY)

    def record(self, record: MoleRecord, change: Change | None = None) -> None:
        """The picture on the left; beside it, what was said about it, however long."""
        row = FURTHER_MM + 2 if record.further.all() else 0
        if self.will_page_break(PICTURE_MM + row + 16):
            self.add_page()
        self.ln(2)
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.line(MARGIN_MM, self.get_y(), self.w - MARGIN_MM, self.get_y())
        self.ln(3)
        self._line(_moment(record.created_at), 12, bold=True, gap=2)
        top, page = self.get_y(), self.page
        height = self._picture(record, top)
        further = self._further(record, top + height + 2)
        self.set_left_margin(MARGIN_MM + PICTURE_MM + 6)
        self.set_xy(self.l_margin, top)
        if overtaken := verdicts.overtaken(record):
            self._line(overtaken, 8.5, GREY)
        else:
            self._verdicts(record)
        self._answer(record)
        self._parts(record)
        if overtaken:
            self._verdicts(record)
        if change and changes.is_over(change):
            self._change(change, record)
        self._facts(_facts_of(record))
        self.set_left_margin(MARGIN_MM)
        bottom = top + height + further if page == self.page else MARGIN_MM
        self.set_xy(MARGIN_MM, max(self.get_y(), bottom) + 3)

    def _further(self, record: MoleRecord, top: float) -> float:
        """The other pictures of the sitting, small and in one row; returns the height."""
        highest = 0.0
        for number, picture in enumerate(record.pictures[1:]):
            if (file := _picture(picture)) is None:
                continue
            left = MARGIN_MM + number * (FURTHER_MM + 1)
            name = _("Picture %(number)d") % {"number": number + 2}
            highest = max(highest, self._draw(file, left, top, FURTHER_MM, name) + 2)
        return highest

    def _parts(self, record: MoleRecord) -> None:
        for number, part in enumerate(results.parts(record), start=1):
            words = (part.words, *part.remarks)
            said = " ".join(f"{str(each).rstrip('.')}." for each in words if each)
            name = _("Picture %(number)d") % {"number": number}
            name += f" · {part.picture.get_modality_display()}"
            self._line(_pair(name, said) if said else name, 8, GREY)

    def _picture(self, record: MoleRecord, top: float) -> float:
        """The picture, or that it is missing; returns the height."""
        picture = _picture(record)
        if picture is None:
            self._style(9.5, GREY)
            self.multi_cell(PICTURE_MM, 5, _("The file of this picture is missing."), align="L")
            return self.get_y() - top
        return self._draw(picture, MARGIN_MM, top, PICTURE_MM, _("Picture of the mole"))

    def _draw(self, file: io.BytesIO, left: float, top: float, side: float, name: str) -> float:
        """Draw a picture from there on, as large as a square of that side holds; its height."""
        # FPDF would put it into the middle of the square, and say how high it is all the same.
        with Image.open(file) as image:
            scale = side / max(image.size)
            width, height = (scale * pixels for pixels in image.size)
        self.image(file, x=left, y=top, w=width, h=height, alt_text=name)
        return height

    def _verdicts(self, record: MoleRecord) -> None:
        for number, review in enumerate(record.reviews.all()):
            said = verdicts.verdict(review)
            signed = _signed(review)
            self._line(f"{_('Earlier verdict')} · {signed}" if number else signed, 8.5, GREY)
            self._line(str(said.heading), 11, bold=True)
            self._line(_("Group: %(group)s") % {"group": said.group}, 9.5)
            self._line(capfirst(review.diagnosis_in_words), 9.5)
            self._line(review.comment, 9.5, gap=3)

    def _answer(self, record: MoleRecord) -> None:
        answer, assessment = results.answer(record), record.current_assessment
        if answer is None or assessment is None:
            self._line(str(results.tag_of_program(record)["words"]), 11, bold=True)
            self._line(results.alarm_without_answer(record), 9.5)
            self.ln(2)
            return
        self._line(
            _("The program, version %(version)s") % {"version": assessment.model_version}, 8.5, GREY
        )
        self._line(str(answer.heading), 11, bold=True)
        for sentence in answer.beside:
            self._line(sentence, 9.5)
        if assessment.usable:
            for category, name in terms.RISK_CATEGORIES.items():
                share = figures.percent(assessment.categories[category], 1)
                self._line(_pair(str(capfirst(name)), share), 9.5)
            self._line(str(answer.used), 8, GREY)
            if frequency := frequencies.of(assessment):
                self._line(f"{frequency.sentence} {frequency.explained}", 8, GREY)
        self.ln(2)

    def _change(self, change: Change, record: MoleRecord) -> None:
        of_record = results.tag(record)["tone"]
        given_up = changes.is_given_up(change)
        said = language.say(change, of_later=of_record, later_mm=record.size_mm, given_up=given_up)
        self._line(_("Compared with the first picture of the mole"), 8.5, GREY)
        self._line(str(said.heading), 9.5, bold=True)
        for sentence in said.sentences:
            self._line(str(sentence), 8.5)
        for line in said.lines:
            measured = f"{line.before} → {line.after} ({line.difference}; ± {line.error})"
            self._line(_pair(str(line.name), measured), 8.5, GREY)
        self.ln(2)

    def _facts(self, facts: list[tuple[str, str]]) -> None:
        self._style(9.5)
        widest = max(self.get_string_width(name) for name, _value in facts)
        for name, value in facts:
            self._style(9.5, GREY)
            self.cell(max(26, widest + 3), 5, name)
            self._style(9.5)
            self._write(str(value), 5)
        self.ln(2)

    def _line(
        self,
        text: str,
        size: float,
        colour: tuple[int, int, int] = (20, 36, 43),
        *,
        bold: bool = False,
        gap: float = 0.5,
    ) -> None:
        if not text:
            return
        self._style(size, colour, bold=bold)
        self._write(text, size * 0.48)
        self.ln(gap)

    def _write(self, text: str, height: float) -> None:
        """Letters that the font lacks are said to be lacking."""
        text = letters.printable(text, cast(TTFFont, self.current_font).cmap)
        self._lacks_letters |= letters.LACKING in text
        for paragraph in text.split("\n"):  # each has a direction of its own
            self.multi_cell(0, height, paragraph, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
        self.set_x(self.l_margin)

    def _style(
        self, size: float, colour: tuple[int, int, int] = (20, 36, 43), *, bold: bool = False
    ) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*colour)


def _font(name: str) -> str:
    """Find a font among the collected files, or still in its package."""
    return finders.find(name) or staticfiles_storage.path(name)


def _picture(of: Picture) -> io.BytesIO | None:
    """Fine enough for print, a tenth of the bytes; None where the file is missing or damaged."""
    try:
        return io.BytesIO(pictures.thumbnail(of, side=PIXELS, quality=88))
    except media.Unreachable:
        raise
    except OSError:
        return None


def _facts_of(record: MoleRecord) -> list[tuple[str, str]]:
    facts = [(_("Kind"), record.get_modality_display())]
    if record.size_mm is not None:
        facts.append((_("Size"), _("%(size)s mm") % {"size": figures.number(record.size_mm, 1)}))
    if record.signs:
        facts.append((_("Noticed"), terms.listed(results.signs(record))))
    if record.note:
        facts.append((_("Note"), record.note))
    return facts


def _signed(review: "Review") -> str:
    named = _("%(doctor)s, doctor, on %(date)s") if review.signature else _("A doctor, on %(date)s")
    return named % {"doctor": review.signature, "date": _moment(review.news_since)}


def _pair(name: str, said: str) -> str:
    """One before the other, with the language's own space at the colon."""
    return _("%(name)s: %(said)s") % {"name": name, "said": said}


def _moment(moment: datetime) -> str:
    """With the name of the time zone, since who reads a printed page may live in another one."""
    here = timezone.localtime(moment)
    return f"{date_format(here, 'DATETIME_FORMAT')} {here.tzname()}"
