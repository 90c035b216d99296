"""The upload: a picture, or a demo picture, and what the person says about the mole."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.names import check_name
from diagnosis.language import terms
from diagnosis.moles import choices
from diagnosis.moles.models import Mole
from diagnosis.records import demos, pictures, uploads
from diagnosis.records.models import MAX_SIZE_MM, MAX_TEXT, MIN_SIZE_MM, MoleRecord
from diagnosis.records.uploads import ELSEWHERE, NO_SIZE, ONE_MOLE
from ml.decoding.kinds import KINDS, NAMES

# The last one is what phones call a file without an ending.
ACCEPTED = ",".join(
    [name for kind in KINDS for name in (*kind.media_types, *kind.endings)]
    + ["application/octet-stream"]
)


class OwnForm(forms.Form):
    """A form about what belongs to ``owner``."""

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner


class OnceForm(OwnForm):
    """A form whose hidden key makes a double click, or sending again, the same record."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"key": uuid.uuid4()} | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)


class DemoForm(OnceForm):
    demo = forms.ChoiceField(choices=list(demos.NAMES.items()))

    def submit(self) -> MoleRecord:
        """Send the demo picture that was clicked."""
        return demos.submit(
            owner=self.owner,
            name=self.cleaned_data["demo"],
            idempotency_key=str(self.cleaned_data["key"]),
        )


class MoleSelect(forms.Select):
    """Each mole tells its place and name: what the body map shows, and what is taken."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if value:
            mole = value.instance
            option["attrs"] |= {"data-site": mole.body_site, "data-name": mole.name}
        return option


class AnswersForm(OwnForm):
    """What the person says of the mole, when the picture is sent or later."""

    signs = forms.MultipleChoiceField(
        label=_("What have you noticed?"),
        help_text=_("Tick all that apply, or none."),
        choices=list(terms.SIGNS.items()),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    mole = forms.ModelChoiceField(
        label=_("One of your moles"),
        help_text=format_lazy(
            "{} {}",
            _("Choose it here if you have sent a picture of it before."),
            _(
                "Pictures count as taken in the order in which they are sent: send older ones "
                "first."
            ),
        ),
        queryset=Mole.objects.none(),
        empty_label=_("A new one, or none"),
        widget=MoleSelect,
        required=False,
    )
    name = forms.CharField(
        label=_("Name for a new mole"),
        help_text=_("For example “left shoulder, near the collar”. Then you can follow it."),
        max_length=100,
        required=False,
        validators=[check_name],
    )
    # As the body map made it: nobody's word that it is the mole that has this name by now.
    suggested = forms.CharField(widget=forms.HiddenInput, required=False)
    body_site = forms.ChoiceField(
        label=_("Where it is on the body"),
        choices=[("", _("Not said")), *((k, capfirst(v)) for k, v in terms.BODY_SITES.items())],
        required=False,
    )
    size_mm = forms.DecimalField(
        label=_("Size in millimetres"),
        help_text=_("Hold a ruler beside it, and measure where it is widest. Leave it if unsure."),
        min_value=MIN_SIZE_MM,
        max_value=MAX_SIZE_MM,
        decimal_places=1,
        required=False,
        localize=True,
        # Of a number field, browsers send nothing where they can't read what was typed.
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_decimal_places"), NO_SIZE
        ),
    )
    note = forms.CharField(
        label=_("Note"),
        help_text=_("For yourself, and for a doctor who looks at the picture."),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices.offer(self.fields["mole"], self.owner)

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("mole") and self.cleaned_data.get("name"):
            raise ValidationError({"name": ONE_MOLE})
        mole, site = self.cleaned_data.get("mole"), self.cleaned_data.get("body_site")
        if mole and site and site != mole.body_site:
            raise ValidationError({"body_site": ELSEWHERE})

    @property
    def answers(self) -> dict[str, Any]:
        """What was said, in the words of uploads.submit and answers.give."""
        said = {name: self.cleaned_data[name] for name in AnswersForm.base_fields}
        name, suggested = said.pop("name"), said.pop("suggested")
        return said | {"mole_name": name, "mole_is_new": name == suggested}


class PictureForm(forms.Form):
    """One picture, and how it was taken."""

    image = forms.FileField(
        label=_("Picture of the mole"),
        help_text=format_lazy(
            _(
                "One mole, in the middle, sharp, in daylight. "
                "Kinds of files: {kinds}; up to {limit} MB."
            ),
            kinds=NAMES,
            limit=pictures.MAX_BYTES // 1024**2,
        ),
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
        allow_empty_file=True,  # submit() says what is wrong with it
        error_messages={"required": _("Choose a picture of the mole.")},
    )
    dermoscopy = forms.BooleanField(
        label=_("Taken with a dermatoscope"),
        help_text=_("A lit magnifying lens held on the skin, often at a clinic."),
        required=False,
    )

    @property
    def not_judged(self) -> str:
        """Say of a kind that the released model does not judge before it is sent; else empty.

        The box stays all the same: what comes without it would be judged as of the other kind.
        """
        return uploads.not_judged(terms.MODALITIES)

    @property
    def picture(self) -> dict[str, Any]:
        """What was sent, in the words of uploads.submit and sittings.add."""
        modality = "dermoscopy" if self.cleaned_data["dermoscopy"] else "photo"
        return {"file": self.cleaned_data["image"], "modality": modality}


class RecordForm(OnceForm, AnswersForm, PictureForm):
    again = forms.BooleanField(label=_("Send it again all the same"), required=False)

    def submit(self) -> MoleRecord:
        """Send the picture. Raises PictureRefused, SentBefore unless the person says "again"."""
        data = self.cleaned_data
        return uploads.submit(
            owner=self.owner,
            **self.picture,
            idempotency_key=str(data["key"]),
            only_new=not data["again"],
            **self.answers,
        )


class MoleForm(forms.Form):
    """Which of the person's moles a record shows."""

    mole = forms.ModelChoiceField(
        label=_("One of your moles"),
        queryset=Mole.objects.none(),
        empty_label=_("None of my moles"),
        required=False,
        show_hidden_initial=True,
    )
