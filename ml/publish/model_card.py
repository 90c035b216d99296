"""The model card (Mitchell et al., arXiv 1810.03993), written from a release's model.json."""

import textwrap
from collections.abc import Iterable, Mapping

from ml.publish import sittings
from ml.release import closer, second_reader
from ml.sitting import together
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

{networks}

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

Patients (else lesions) stay on one side, and so do the near-duplicates that hashes of the pictures
found across sets; a few may have been missed. Temperature, bias and
thresholds were set on the validation pictures, the thresholds together, for the rule as it is
served: a sensitivity of 0.95, for malignant lesions and for melanomas, and of the settings whose
specificity is then the highest, but for chance, the most careful one.
The three risk categories are calibrated; inside a
category, rare diagnoses count more than their frequency, so that they aren't hidden.

## What it reaches on test pictures that nothing was set on

With 95 % intervals by bootstrap over patients or lesions or, where all or none are hit, by the
rule of three; as served, with what the sets know of the person. *Sensitivity* is the share of
malignant lesions, *melanomas sent* the share of melanomas, that are sent to a doctor, as flagged or
as uncertain; *specificity* the share of benign ones that are not. Each picture counts, also one
that it refuses to judge, by what it would say.
Figures of different studies differ in their pictures and are not a ranking.
"""
LIMITS = """
## Limits

- Sensitivity was set at 0.95 on validation pictures; on other pictures it is what the tables say.
  Some malignant lesions are missed.
- The intervals of the small sets are wide.
- The sets' skin is nearly all light (Fitzpatrick I to III). Little is known of darker skin.
- Of several moles in one picture, the largest is judged, and the others are hardly seen: a cancer
  beside a larger naevus was called calm in up to 53 % of photographs and 85 % of dermoscopy made
  to show that (`docs/experiments.md`).
- Melanomas without pigment, very early melanomas and rare tumours are scarce in the sets.
- A probability holds for clinics like those of the sets, not for everyone with a mole.
"""
FOREIGN = {"everyday": "everyday photographs and bellies"}  # whose names say too little
COLUMNS = (
    ("pictures", lambda f: f"{f['n']} ({f['malignant']} malignant)"),
    ("AUC", lambda f: _figure(f, "auc_malignant")),
    ("AUC melanoma", lambda f: _figure(f, "auc_melanoma")),
    ("… against naevus", lambda f: _figure(f, "auc_melanoma_naevus")),
    ("specificity at 95 % sensitivity", lambda f: _figure(f, "specificity_at_95_sensitivity")),
    ("sensitivity", lambda f: _figure(f["thresholds"]["sent_to_doctor"], "sensitivity")),
    ("specificity", lambda f: _figure(f["thresholds"]["sent_to_doctor"], "specificity")),
    (
        "melanomas sent",
        lambda f: _figure(f["thresholds"]["sent_to_doctor"], "melanoma_sensitivity"),
    ),
    ("uncertain", lambda f: _number(f["uncertain"])),
    ("ECE", lambda f: _number(f["ece"])),
)
SHORT_COLUMNS = tuple(
    column for column in COLUMNS if column[0] in ("pictures", "AUC", "sensitivity", "specificity")
)
# By what is known of the skin: the part of model.json, the heading, the values in order.
SKINS = (
    (
        "skin_tones",
        "By the lightness of the skin, as the program measures it",
        tuple(name for name, _ in TONES),
    ),
    (
        "skin_tones_in_set",
        "By the skin tone that came with the pictures, from 0 (darkest) to 5",
        tuple("012345"),
    ),
    ("skin_types", "By the skin type (Fitzpatrick) that came with the pictures", tuple("123456")),
)
SEVERAL = {
    "dermoscopy": "With a dermatoscope",
    "photo": "Photographs",
    together.BOTH: "One with a dermatoscope, one photograph",
}
SEVERAL_COLUMNS = (
    ("pictures or lesions", lambda f: str(f["n"])),
    ("refused", lambda f: _number(f["refused"])),
    ("AUC", lambda f: _figure(f, "auc")),
    ("specificity at 95 % sensitivity", lambda f: _figure(f, "specificity_at_95_sensitivity")),
    ("sensitivity", lambda f: _figure(f, "sensitivity")),
    ("melanomas sent", lambda f: _figure(f, "melanoma_sensitivity")),
    ("specificity", lambda f: _figure(f, "specificity")),
)
OUTSIDE = (
    ("pictures", lambda f: f"{f['n']} ({f['malignant']} malignant)"),
    ("AUC", lambda f: _figure(f, "auc_malignant")),
    ("AUC melanoma", lambda f: _number(f.get("auc_melanoma"))),
    ("sensitivity", lambda f: _number(f["sensitivity"])),
    ("specificity", lambda f: _number(f["specificity"])),
    ("refused", lambda f: _number(f.get("refused"))),
    ("ECE", lambda f: _number(f.get("ece"))),
)


def render(card: Mapping) -> str:
    """Markdown from model.json."""
    training = card["training"]
    header = HEADER.format(
        version=card["version"],
        networks=_networks(card),
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
        f"\n### {modality.capitalize()}\n\n"
        f"{_reached(card['figures'][modality], card['person'][modality])}\n"
        for modality in MODALITIES
        if modality in card["figures"]
    ]
    parts = [_outside(card.get("external")), _known(card["person"]), _bands(card["bands"])]
    for part, heading, names in SKINS:
        known = {name.replace("_", " "): card[part][name] for name in names if name in card[part]}
        if known:
            parts.append(f"\n### {heading}\n\n{_table('skin', SHORT_COLUMNS, known)}\n")
    parts.append(_several(together.gain(card["version"]).get("kinds", {})))
    return header + "".join([*tables, *parts, _refused(card["refused"])]) + LIMITS


def _networks(card: Mapping) -> str:
    """What phone and server look with."""
    training, first = card["training"], card["files"]["litert"]
    second = card["files"].get(second_reader("litert"))
    asked, too, of = "", "", ""
    if second:
        too, of = " by both networks", " of the first network"
        asked = (
            f" The server also asks a second reader, {_network(training['second_reader'])} and "
            f"{second['bytes'] / 1e6:.1f} MB, for diagnoses, activation map and whether there is a "
            "lesion."
        )
    text = (
        f"It is {_network(training)}, in Keras, with heads for seven diagnoses, a class activation "
        "map, the lesion's mask and quality numbers; as shipped to worker and phone it is "
        f"{first['bytes'] / 1e6:.1f} MB (float16 weights).{asked} Of a picture the central square "
        f"is seen, at {card['side']} × {card['side']} pixels. The answer that is kept is the mean "
        f"of its eight turns and mirror images{too}; the phone's live view is one pass{of}."
    )
    for modality in card["figures"]:
        if share := closer(card, modality):
            text += (
                f" The mirror images of a {modality} are of a smaller square on the lesion, "
                f"{100 * share:.0f} % as wide; outline, activation map and quality numbers are of "
                "the other four."
            )
    return "\n".join(textwrap.wrap(text, 100))


def _network(training: Mapping) -> str:
    variant = training["plan"]["backbone"].removeprefix("lite")
    return f"an EfficientNet-Lite{variant} of {training['parameters'] / 1e6:.1f} million parameters"


def _several(kinds: Mapping) -> str:
    """What several pictures of a lesion reach together, where it was measured."""
    text = ""
    for kind, measured in kinds.items():
        several = measured["datasets"] if len(measured["datasets"]) > 1 else {}
        sets = {"all": measured["all"], **several}
        blocks: dict[str, Mapping] = {}
        for name, figures in sets.items():
            blocks |= {f"{name}: one, {m}": of for m, of in figures["single"].items()}
            blocks[f"{name}: together"] = figures["together"]
        of_all = measured["all"]
        text += (
            f"\n{SEVERAL[kind]}: {of_all['lesions']} lesions of {', '.join(measured['datasets'])}, "
            f"{of_all['malignant']} malignant, {of_all['melanomas']} melanomas, "
            f"{of_all['pictures']} pictures of each.\n\n"
            f"{_table('judged', SEVERAL_COLUMNS, blocks)}\n"
        )
    if not text:
        return ""
    return (
        "\n### Several pictures of one lesion\n\n"
        "The mean of the probabilities of those that can be judged, by thresholds of its own, set "
        "on validation lesions by the same rule, at a sensitivity of "
        f"{sittings.SENSITIVITY}, where there are enough lesions; never calm where each picture by "
        "itself is sent. On test lesions, as served, without what is refused. Of these figures, "
        "sensitivity and specificity are not free of choice: at 0.95, the first of that kind lost "
        f"melanomas of the test fold, so that {sittings.SENSITIVITY} was taken.\n" + text
    )


def _reached(figures: Mapping, stage: Mapping) -> str:
    live = figures["one_pass"]
    blocks = {"all": figures}
    if stage["terms"]:
        blocks["all, by the picture alone"] = figures["picture_only"]
    blocks |= {"all, as on the phone": live, **figures["datasets"]}
    return (
        f"{_table('set', COLUMNS, blocks)}\n\nThe phone and the server differ in the risk "
        f"category of {_share(live['another_category'])} of the pictures, and in whether a doctor "
        f"should see them for {_share(live['sent_otherwise'])}."
    )


def _outside(external: Mapping | None) -> str:
    """What others measured; where the interval of the AUC reaches down to chance, in words."""
    if not external or not external["sets"]:
        return ""
    text = (
        "\n### Measured on clinics that it never saw, and on other patients of those it knows\n\n"
        f"By others, on {external['date']}, on pictures that are kept apart from everyone who "
        "trains. What it refuses counts as sent to a doctor.\n\n"
    )
    text += _table(
        "set", OUTSIDE, {f"{of['set']}, {of['modality']}: {of['what']}": of for of in
                         external["sets"]},
    )  # fmt: skip
    for of in external["sets"]:
        interval = of.get("auc_malignant_ci95")
        if interval and interval[0] <= 0.5:
            text += (
                f"\n\n**It fails on {of['set']}** ({of['what']}): it tells cancers from harmless "
                "lesions hardly better than chance, and sends nearly everyone to a doctor: of 100 "
                f"harmless lesions it left {100 * of['specificity']:.0f} alone."
            )
    if external["not_lesions"]:
        text += "\n\nOf pictures that show no lesion to judge:\n\n" + _rows(
            [("pictures of", "pictures", "refused", "called benign"), ("---",) * 4]
            + [(of["what"], str(of["n"]), _number(of["refused"]), str(of["called_benign"]))
               for of in external["not_lesions"]]
        )  # fmt: skip
    return text + "\n"


def _known(person: Mapping) -> str:
    """The second stage of each modality, or why there is none."""
    text = (
        "\n### What the person knows\n\n"
        "Age, sex and body site move the odds of the low-risk cancers. Melanoma is judged by the "
        "picture.\n"
    )
    if any("learnt" in stage for stage in person.values()):
        text += (
            "\nThey count as among the lesions that the terms were learnt from, times one strength "
            "for each kind of\npicture, fitted on validation.\n"
        )
    for modality, stage in person.items():
        used = "used" if stage["terms"] else "not used"
        if loss := stage["log_loss"]:
            used += "" if stage["terms"] else ", since it does not help"
            tried = (
                f"Cross-validated on {stage['lesions']} validation pictures, the log loss is "
                f"{loss['without']:.4f} without and {loss['with']:.4f} with it."
            )
        elif stage.get("learnt", True):
            tried = "Too few validation pictures with and without such a cancer know any of it."
        else:
            tried = "There were no terms to try."
        text += f"\n**{modality.capitalize()}**: {used}. {tried}\n"
        if stage["terms"]:
            lines = [("term", "centre", "log-odds", "why"), ("---",) * 4]
            lines += [
                (
                    "age, by decade" if name == "age" else name.replace("_", " "),
                    f"{term['centre']:.2f}",
                    f"{term['coefficient']:+.2f}",
                    term["reason"],
                )
                for name, term in stage["terms"].items()
            ]
            text += f"\n{_rows(lines)}\n"
    return text


def _bands(bands: Mapping) -> str:
    text = (
        "\n### What a malignancy means: the share of cancers among test pictures\n\n"
        "Without what it refuses to judge; 95 % intervals are Wilson's, by lesions. The bands' "
        "edges were\nfitted to these same pictures: others may differ by more than the intervals "
        "say.\n"
    )
    for modality, of_modality in bands.items():
        lines = [("malignancy from", "pictures", "lesions", "with a cancer"), ("---",) * 4]
        lines += [
            (
                f"{band['low']:.3f}",
                str(band["pictures"]),
                str(band["lesions"]),
                f"{band['share']:.3f} ({band['share_ci95'][0]:.2f}–{band['share_ci95'][1]:.2f})",
            )
            for band in of_modality
        ]
        text += f"\n{modality.capitalize()}:\n\n{_rows(lines)}\n"
    return text


def _table(of: str, columns: Iterable[tuple], blocks: Mapping[str, Mapping]) -> str:
    names, formats = zip(*columns, strict=True)
    lines = [(of, *names), ("---",) * (len(names) + 1)]
    lines += [(name, *(form(block) for form in formats)) for name, block in blocks.items()]
    return _rows(lines)


def _refused(refused: Mapping) -> str:
    lines = [("pictures of", *MODALITIES), ("---",) * (len(MODALITIES) + 1)]
    lines.append(("lesions", *(_number(refused["lesions"].get(m)) for m in MODALITIES)))
    lines += [
        (
            f"{FOREIGN.get(kind, kind.replace('_', ' '))} ({next(iter(of.values()))['n']})",
            *(_number(of[m]["refused"] if m in of else None) for m in MODALITIES),
        )
        for kind, of in refused["foreign"].items()
    ]
    return f"\n### The share that it refuses to judge\n\n{_rows(lines)}\n"


def _rows(lines: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(map(_text, line))} |" for line in lines)


def _text(cell: str) -> str:
    """A name of a set or folder may hold what ends a cell or a row."""
    return " ".join(cell.split()).replace("|", r"\|")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _figure(block: Mapping, name: str) -> str:
    interval = block.get(f"{name}_ci95")
    bounds = f" ({interval[0]:.2f}–{interval[1]:.2f})" if interval else ""
    return _number(block[name]) + bounds


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
