"""What the released model reaches and what it can't do, from its own figures."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from diagnosis.language import frequencies, terms
from ml.skin_tone import TONES


@require_safe
def limits(request: HttpRequest) -> HttpResponse:
    card = frequencies.release()
    tested = [
        {
            "kind": terms.MODALITIES[modality],
            "rows": [(_("all together"), _reached(figures))]
            + [(name, _reached(of)) for name, of in figures["datasets"].items()],
        }
        for modality, figures in card.get("figures", {}).items()
    ]
    tones = card.get("skin_tones", {})
    context = {
        "card": card,
        "tested": tested,
        "tones": [(terms.SKIN_TONES[t], _reached(tones[t])) for t, _lowest in TONES if t in tones],
        "lesions_refused": [
            (terms.MODALITIES[modality], 100 * share)
            for modality, share in card.get("refused", {}).get("lesions", {}).items()
        ],
        "others_refused": [
            (terms.FOREIGN[kind], [(of[m]["n"], 100 * of[m]["refused"]) for m in of])
            for kind, of in card.get("refused", {}).get("foreign", {}).items()
        ],
        "kinds": [terms.MODALITIES[m] for m in card.get("figures", {})],
    }
    return render(request, "diagnosis/limits.html", context)


def _reached(figures: dict) -> dict:
    """What was sent to a doctor, in hundred, with the interval; as uncertain ones are, too."""
    sent = figures["thresholds"]["sent_to_doctor"]
    return {
        "n": figures["n"],
        "malignant": figures["malignant"],
        "sensitivity": _in_hundred(sent, "sensitivity", figures["malignant"]),
        "specificity": _in_hundred(sent, "specificity", figures["n"] - figures["malignant"]),
    }


def _in_hundred(block: dict, name: str, n: int) -> dict | None:
    share = block[name]
    if share is None:
        return None
    low, high = block[f"{name}_ci95"] or (share, share)
    if low == high:
        # Resampling pictures that all agree shows no chance; the rule of three does (Hanley and
        # Lippman-Hand, JAMA 249, 1983).
        low, high = max(0, share - 3 / n), min(1, share + 3 / n)
    return {"share": 100 * share, "low": 100 * low, "high": 100 * high}
