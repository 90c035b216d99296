"""What the released model reaches and what it can't do, from its own figures."""

from collections.abc import Iterator, Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_safe

from diagnosis.language import frequencies, terms
from ml.release import closer, has_second_reader
from ml.sitting import together
from ml.skin_tone import TONES


@require_safe
def limits(request: HttpRequest) -> HttpResponse:
    card = frequencies.release()
    by_kind = card.get("figures", {})
    tested = [
        {
            "kind": terms.MODALITIES[modality],
            "rows": [(_("all together"), _reached(figures))]
            + [(name, _reached(of)) for name, of in figures["datasets"].items()],
        }
        for modality, figures in by_kind.items()
    ]
    context = {
        "card": card,
        "tested": tested,
        "skins": _skins(card),
        "closer": [terms.MODALITIES[modality] for modality in by_kind if closer(card, modality)],
        "second_reader": has_second_reader(card),
        "live": [
            (terms.MODALITIES[modality], 100 * share)
            for modality, figures in by_kind.items()
            if (share := figures["one_pass"]["sent_otherwise"]) is not None  # all are refused
        ],
        "several": _several(card),
        "person": [
            (terms.MODALITIES[modality], stage)
            for modality, stage in card.get("person", {}).items()
        ],
        "outside": _outside(card.get("external")),
        "lesions_refused": [
            (terms.MODALITIES[modality], 100 * share)
            for modality, share in card.get("refused", {}).get("lesions", {}).items()
        ],
        "others_refused": [
            (terms.FOREIGN[kind], [(of[m]["n"], 100 * of[m]["refused"]) for m in by_kind])
            for kind, of in card.get("refused", {}).get("foreign", {}).items()
        ],
        "kinds": [terms.MODALITIES[modality] for modality in by_kind],
    }
    return render(request, "diagnosis/limits.html", context)


def _skins(card: dict) -> list[dict]:
    """Figures by what is known of the skin: as the program measures it, and as it came with the
    pictures."""
    tables = [
        (
            _("As the program itself measures it in the picture; lamp and camera change it."),
            "skin_tones",
            [(tone, terms.SKIN_TONES[tone]) for tone, _lowest in TONES],
        ),
        (
            _("As those saw it who collected the pictures, from 0 (darkest) to 5."),
            "skin_tones_in_set",
            [(tone, tone) for tone in "012345"],
        ),
        (
            _("By the skin type that came with the pictures (Fitzpatrick 1, lightest, to 6)."),
            "skin_types",
            [(skin_type, skin_type) for skin_type in "123456"],
        ),
    ]
    return [
        {
            "about": about,
            "rows": [(name, _reached(card[part][key])) for key, name in keys if key in card[part]],
        }
        for about, part, keys in tables
        if card.get(part)
    ]


TOGETHER = "together"  # by all pictures of a lesion, as against one
SEVERAL = {
    "dermoscopy": gettext_lazy("Several pictures with a dermatoscope"),
    "photo": gettext_lazy("Several pictures with a phone or a camera"),
    together.BOTH: gettext_lazy("One picture with a dermatoscope and one without"),
}


def _several(card: Mapping) -> list[dict]:
    """By kind of pictures: what one of them reaches alone, and all of a mole together."""
    names = {**terms.MODALITIES, TOGETHER: pgettext("pictures", "all together")}
    return [
        part
        | {
            "kind": SEVERAL[part["kind"]],
            "sets": ", ".join(part["datasets"]),
            "rows": [
                (names[of["by"]], _in_hundred(of) | {"refused": 100 * of["refused"]})
                for of in part["judged"]
            ],
        }
        for part in several(card)
    ]


def several(card: Mapping) -> Iterator[dict]:
    """By kind of pictures: lesions, and what one picture of each and all of them reach, as shares
    with their 95 % interval; nothing where another version of the model was measured."""
    for kind, parts in together.gain(card.get("version", "")).get("kinds", {}).items():
        figures = parts["all"]
        judged = {**figures["single"], TOGETHER: figures["together"]}
        yield {
            "kind": kind,
            "datasets": list(parts["datasets"]),
            **{name: figures[name] for name in ("lesions", "malignant", "pictures")},
            "judged": [_judged(by, of, figures["malignant"]) for by, of in judged.items()],
        }


def _judged(by: str, figures: dict, malignant: int) -> dict:
    numbers = {"sensitivity": malignant, "specificity": figures["n"] - malignant}
    shares = {name: _with_interval(figures, name, max(n, 1)) for name, n in numbers.items()}
    return {"by": by, "refused": figures["refused"], "auc": figures["auc"], **shares}


def _outside(external: dict | None) -> dict | None:
    """What others measured, in hundred; ``fails`` where the program did hardly better than chance,
    which is where the interval of the AUC reaches down to a half."""
    if not external or not external["sets"]:
        return None
    rows = [
        {
            **of,
            "kind": terms.MODALITIES[of["modality"]],
            "sent": 100 * of["sensitivity"],
            "left": 100 * of["specificity"],
            "fails": (of.get("auc_malignant_ci95") or [1])[0] <= 0.5,
        }
        for of in external["sets"]
    ]
    others = [{**of, "share": 100 * of["refused"]} for of in external["not_lesions"]]
    return {"date": parse_date(external["date"]), "rows": rows, "others": others}


def _reached(figures: dict) -> dict:
    """What was sent to a doctor, in hundred, with the interval; as uncertain ones are, too."""
    return _in_hundred(reached(figures))


def _in_hundred(found: dict) -> dict:
    shares = {
        name: found[name] and {key: 100 * part for key, part in found[name].items()}
        for name in ("sensitivity", "specificity")
    }
    return found | shares


def reached(figures: dict) -> dict:
    """What was sent to a doctor: numbers of pictures, and shares with their 95 % interval."""
    sent = figures["thresholds"]["sent_to_doctor"]
    return {
        "n": figures["n"],
        "malignant": figures["malignant"],
        "sensitivity": _with_interval(sent, "sensitivity", figures["malignant"]),
        "specificity": _with_interval(sent, "specificity", figures["n"] - figures["malignant"]),
    }


def _with_interval(block: dict, name: str, n: int) -> dict | None:
    share = block[name]
    if share is None:
        return None
    low, high = block[f"{name}_ci95"] or (share, share)
    if low == high:
        # Resampling pictures that all agree shows no chance; the rule of three does (Hanley and
        # Lippman-Hand, JAMA 249, 1983).
        low, high = max(0, share - 3 / n), min(1, share + 3 / n)
    return {"share": share, "low": low, "high": high}
