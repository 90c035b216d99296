"""The form of a verdict: every choice has its key."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import UntouchedForm
from accounts.models import User
from diagnosis.language import terms
from diagnosis.records.models import MAX_TEXT
from diagnosis.reviews import opinions
from diagnosis.reviews.models import Review
from ml import taxonomy

CHOICES = {
    "diagnosis": [*terms.DIAGNOSES.items(), ("", _("not named"))],
    "risk_category": terms.RISK_CATEGORIES.items(),
    "urgency": list(terms.URGENCIES.items()),
    "confidence": Review.Confidence.choices,
}
DIAGNOSIS_KEYS = {
    "nv": "n",
    "bkl": "b",
    "df": "d",
    "vasc": "v",
    "bcc": "c",
    "akiec": "a",
    "mel": "m",
    "": "u",
}


class KeyedRadios(forms.RadioSelect):
    """Radio buttons that a key chooses, each."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__()
        self.keys = keys

    def create_option(self, name: str, value: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["key"] = option["attrs"]["data-key"] = self.keys[value]
        if category := taxonomy.CATEGORY_OF.get(value):
            option["attrs"]["data-category"] = category
        return option


def _numbered(values: Any, start: int) -> dict[str, str]:
    return {value: str(number) for number, value in enumerate(values, start)}


class VerdictForm(forms.ModelForm):
    class Meta:
        model = Review
        fields = Review.VERDICT
        widgets = {
            "diagnosis": KeyedRadios(DIAGNOSIS_KEYS),
            "risk_category": KeyedRadios(_numbered(terms.RISK_CATEGORIES, 1)),
            "urgency": KeyedRadios(_numbered(list(terms.URGENCIES), 4)),
            "confidence": KeyedRadios(_numbered(Review.Confidence.values, 7)),
            "other_diagnosis": forms.TextInput(attrs={"data-key": "x"}),
            "comment": forms.Textarea(attrs={"rows": 3, "data-key": "t"}),
            "private_comment": forms.Textarea(attrs={"rows": 2, "data-key": "y"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What another doctor wrote is shown without fields.
        for name in CHOICES.keys() & self.fields.keys():
            self.fields[name].choices = CHOICES[name]
            self.fields[name].required = name != "diagnosis"

    def clean_code(self) -> str:
        return self.cleaned_data["code"].strip().upper()


class CorrectionForm(UntouchedForm, VerdictForm):
    """Of a verdict that stands."""


class NewVerdictForm(VerdictForm):
    """Also carries how many verdicts the doctor saw, so that nothing is said twice, and which
    pictures, so that nothing is said of one that was not seen."""

    known = forms.IntegerField(widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput, required=False)
    ask = forms.ModelChoiceField(
        label=_("Ask a colleague"),
        help_text=_("Then the person sees no verdict until there is a final one, unless urgent."),
        queryset=User.objects.none(),
        empty_label=_("nobody"),
        required=False,
    )
    question = forms.CharField(
        label=_("Question to the colleague"),
        help_text=_("To the colleague. Only doctors see it."),
        max_length=MAX_TEXT,
        required=False,
    )

    def __init__(self, *args: Any, doctor: User, may_ask: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = opinions.colleagues(doctor)
        if not (may_ask and colleagues):
            del self.fields["ask"], self.fields["question"]
        elif isinstance(ask := self.fields["ask"], forms.ModelChoiceField):
            ask.queryset = colleagues
