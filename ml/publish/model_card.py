"""The model card (Mitchell et al., arXiv 1810.03993), written from a release's model.json."""

from collections.abc import Iterable, Mapping

from ml.skin_tone import TONES
from ml.taxonomy import CATEGORY_OF, DIAGNOSIS_NAMES, MODALITIES

HEADER = """# Model card: skincare {version}

Written by `python -m ml release` from `model.json`; do not edit it by hand.

## What it is for

It looks at one picture of one skin lesion and says whether a doctor should see it: no warning
sign found, should be seen, should be seen soon. It advises; it does not diagnose, it is a proof of
concept, and it is not approved as a medical device. Whoever worries about a mole sees a doctor
whatever it says. It is for adults; it was hardly tested on children, nails, palms and soles, mucosa
or genitals.

## What it is

One network of {parameters}: an EfficientNet-Lite0 in Keras with heads for seven diagnoses, a class
activation map, the lesion's mask and quality numbers. It sees the central square of a picture at
{side} × {side} pixels. As shipped to worker and phone it is {size:.1f} MB (float16 weights).

Licence of the weights: {licence}

| output | diagnosis | risk category |
| --- | --- | --- |
{outputs}

## Whom it was trained on

Mostly light skin, mostly dermoscopy (a lens pressed on the skin) in specialist clinics, where
lesions are more suspicious than at home. Few pictures are photographs by phone or camera: read
their figures as weaker evidence.

| pictures of | training | validation | test |
| --- | --- | --- | --- |
{pictures}

Patients (else lesions) stay on one side, near-duplicates across sets too. Temperature, bias and
thresholds were set on the validation pictures. The three risk categories are calibrated; inside a
category, rare diagnoses count more than their frequency, so that they aren't hidden.

## What it reaches on test pictures that nothing was set on

With 95 % intervals by bootstrap over patients or lesions. *Sensitivity* is the share of malignant
lesions, *melanomas flagged* the share of melanomas, that the shipped thresholds send to a doctor;
*specificity* the share of benign ones that they do not.
Figures of different studies differ in their pictures and are no ranking.
"""
LIMITS = """
## Limits

- Sensitivity at the shipped thresholds was set at 0.95 on validation pictures; on other pictures
  it is what the tables say. Some malignant lesions are missed.
- The intervals of the small sets are wide.
- The sets' skin is nearly all light (Fitzpatrick I to III). Little is known of darker skin.
- Melanomas without pigment, very early melanomas and rare tumours are scarce in the sets.
- A probability holds for clinics like those of the sets, not for everyone with a mole.
"""
COLUMNS = (
    ("pictures", lambda f: f"{f['n']} ({f['malignant']} malignant)"),
    ("AUC", lambda f: _figure(f, "auc_malignant")),
    ("AUC melanoma", lambda f: _figure(f, "auc_melanoma")),
    ("specificity at 95 % sensitivity", lambda f: _figure(f, "specificity_at_95_sensitivity")),
    ("sensitivity", lambda f: _figure(f["thresholds"], "sensitivity")),
    ("specificity", lambda f: _figure(f["thresholds"], "specificity")),
    ("melanomas flagged", lambda f: _figure(f["thresholds"]["melanoma"], "flagged")),
    ("ECE", lambda f: _number(f["ece"])),
)
TONE_COLUMNS = tuple(
    column for column in COLUMNS if column[0] in ("pictures", "AUC", "sensitivity", "specificity")
)


def render(card: Mapping) -> str:
    """Markdown from model.json."""
    training = card["training"]
    header = HEADER.format(
        version=card["version"],
        parameters=f"{training['parameters'] / 1e6:.1f} million parameters",
        side=card["side"],
        size=card["files"]["litert"]["bytes"] / 1e6,
        licence=card["licence"],
        outputs=_rows(
            (f"`{d}`", DIAGNOSIS_NAMES[d], c.replace("_", " ")) for d, c in CATEGORY_OF.items()
        ),
        pictures=_rows(
            (name, *(str(folds.get(fold, 0)) for fold in ("train", "validation", "test")))
            for name, folds in sorted(training["pictures"].items())
        ),
    )
    tables = [
        f"\n### {modality.capitalize()}\n\n{_table(card['figures'][modality])}\n"
        for modality in MODALITIES
        if modality in card["figures"]
    ]
    return header + "".join(tables) + _by_tone(card) + _refused(card["refused"]) + LIMITS


def _table(figures: Mapping) -> str:
    names, formats = zip(*COLUMNS, strict=True)
    lines = [("set", *names), ("---",) * (len(names) + 1)]
    blocks = {"all": figures, **figures["datasets"]}
    lines += [(name, *(form(block) for form in formats)) for name, block in blocks.items()]
    return _rows(lines)


def _by_tone(card: Mapping) -> str:
    names, formats = zip(*TONE_COLUMNS, strict=True)
    lines = [("skin", *names), ("---",) * (len(names) + 1)]
    lines += [
        (name.replace("_", " "), *(form(card["skin_tones"][name]) for form in formats))
        for name, _ in TONES
        if name in card["skin_tones"]
    ]
    return f"\n### By the lightness of the skin, as the program measures it\n\n{_rows(lines)}\n"


def _refused(refused: Mapping) -> str:
    lines = [("pictures of", *MODALITIES), ("---",) * (len(MODALITIES) + 1)]
    lines.append(("lesions", *(_number(refused["lesions"].get(m)) for m in MODALITIES)))
    lines += [
        (
            f"{kind.replace('_', ' ')} ({next(iter(of.values()))['n']})",
            *(_number(of[m]["refused"] if m in of else None) for m in MODALITIES),
        )
        for kind, of in refused["foreign"].items()
    ]
    return f"\n### The share that it refuses to judge\n\n{_rows(lines)}\n"


def _rows(lines: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(block: Mapping, name: str) -> str:
    interval = block[f"{name}_ci95"]
    bounds = f" ({interval[0]:.2f}–{interval[1]:.2f})" if interval else ""
    return _number(block[name]) + bounds


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
