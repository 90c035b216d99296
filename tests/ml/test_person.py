"""The second stage: what is known of the person beside the picture."""

from dataclasses import replace

import numpy as np
import pytest

from ml import classifier, person
from ml.person import Person
from ml.publish import model_card, second_stage
from ml.synthetic import phantoms
from ml.taxonomy import ADVICE, BODY_REGION_OF, BODY_SITES
from tests.ml.rows import row

STAGE = {
    "age": {"centre": 5.0, "coefficient": 0.3, "reason": "…"},
    "male": {"centre": 0.5, "coefficient": 0.2, "reason": "…"},
    "head_neck": {"centre": 0.1, "coefficient": -0.4, "reason": "…"},
}


@pytest.fixture(scope="module")
def model():
    """The released model with a second stage for photographs only."""
    loaded = classifier.load()
    loaded.card = loaded.card | {"person": {"photo": {"terms": STAGE}}}
    return loaded


@pytest.fixture(scope="module")
def phantom() -> np.ndarray:
    return np.asarray(phantoms.render("even_mole"))


def test_the_log_odds_move_by_the_terms_that_are_known():
    assert person.log_odds(Person(), STAGE) == 0
    assert person.log_odds(Person(age=70), STAGE) == pytest.approx(0.3 * 2)
    assert person.log_odds(Person(sex="female"), STAGE) == pytest.approx(-0.1)
    known = Person(age=40, sex="male", body_site="ear")
    assert person.log_odds(known, STAGE) == pytest.approx(-0.3 + 0.1 - 0.36)
    assert person.used(known, STAGE) == ["age", "sex", "body_site"]
    assert person.used(known, {}) == []


def test_every_body_site_is_of_a_region_that_the_data_name_or_says_nothing():
    assert set(BODY_SITES) - set(BODY_REGION_OF) == {"mucosa"}
    assert Person(body_site="mucosa").values() == {}
    assert Person(body_site="ear").values() == Person(body_site="head_neck").values()


def test_what_can_t_be_is_refused():
    for wrong in ({"age": -1}, {"age": 300}, {"age": float("nan")}, {"sex": "unknown"}):
        with pytest.raises(ValueError, match=r"age|sex"):
            Person(**wrong)


def test_only_the_odds_of_low_risk_cancers_move():
    before = np.array([0.5, 0.1, 0.05, 0.05, 0.1, 0.05, 0.15])
    after = person.moved(before, 1.0)
    low = before[4:6].sum()
    odds = low / (1 - low) * np.e
    assert after.sum() == pytest.approx(1)
    assert after[4:6].sum() == pytest.approx(odds / (1 + odds))
    # Melanoma keeps its odds against everything benign: age never speaks against it.
    others = [0, 1, 2, 3, 6]
    assert after[others] / after[others].sum() == pytest.approx(before[others] / (1 - low))
    assert person.moved(before, -1.0)[6] > before[6]
    assert person.moved(before, 0.0) == pytest.approx(before)


def test_the_answer_to_the_picture_alone_stays_beside_it(model, phantom):
    [alone] = model.assess([phantom], "photo")
    [known] = model.assess([phantom], "photo", Person(age=80, sex="male"))
    assert (alone.used, alone.picture) == ([], None)
    assert known.used == ["age", "sex"]
    assert known.malignancy > alone.malignancy
    assert sum(known.diagnoses.values()) == pytest.approx(1)
    names = ("malignancy", "risk_category", "uncertain", "advice")
    assert known.picture == {name: getattr(alone, name) for name in names}


def test_where_the_stage_is_off_nothing_is_used(model, phantom):
    [alone] = model.assess([phantom], "dermoscopy")
    [known] = model.assess([phantom], "dermoscopy", Person(age=80, sex="male", body_site="ear"))
    assert (known.used, known.picture) == ([], None)
    assert known.diagnoses == alone.diagnoses


def test_no_sign_is_among_what_may_lower_a_risk(model, phantom):
    """Signs only ever raise the advice, after the rule."""
    assert set(model.assess([phantom], "photo", Person(age=20))[0].used) == {"age"}
    assert {belongs for belongs, _ in person.TERMS.values()} == {"age", "sex", "body_site"}
    assert ADVICE.index("watch") < ADVICE.index("doctor_weeks")


def lesions(n: int, effect: float, dataset: str = "HAM") -> tuple[list, np.ndarray]:
    """Rows whose cancers depend on age by ``effect`` a decade beyond the picture's answer."""
    rng = np.random.default_rng(4)
    odds, ages = rng.normal(-1, 1.5, n), rng.uniform(20, 90, n)
    sick = rng.random(n) < 1 / (1 + np.exp(-(odds + effect * (ages / 10 - 5.5))))
    rows = [
        row(f"{dataset}{i}", "bcc" if one else "nv", age=float(age), dataset=dataset)
        for i, (one, age) in enumerate(zip(sick, ages, strict=True))
    ]
    return rows, 1 / (1 + np.exp(-odds))


def test_what_helps_is_found_with_its_size_and_reason():
    """The pictures of these say nothing of age: all that the training lesions show of it holds."""
    learnt, _ = lesions(2000, 0.4, "LEARNT")
    stage = second_stage.fit(*lesions(2000, 0.4), second_stage.learnt(learnt))
    assert stage["terms"]["age"]["coefficient"] == pytest.approx(0.4, abs=0.1)
    assert stage["terms"]["age"]["reason"]
    assert "male" not in stage["terms"]  # nothing was known of it
    assert stage["log_loss"]["with"] < stage["log_loss"]["without"]


def test_what_pictures_say_already_is_not_counted_twice():
    """Half of what age says of these lesions is seen in their pictures."""
    rows, _ = lesions(4000, 0.8)
    rng = np.random.default_rng(6)
    ages = np.array([row.age for row in rows]) / 10 - 5.5
    seen = 1 / (1 + np.exp(-(0.4 * ages - 1 + rng.normal(0, 0.1, len(rows)))))
    stage = second_stage.fit(rows, seen, second_stage.learnt(lesions(4000, 0.8, "LEARNT")[0]))
    alone = second_stage.fit(rows, np.full(len(rows), 0.3), second_stage.learnt(rows))
    assert stage["terms"]["age"]["coefficient"] < 0.6 * alone["terms"]["age"]["coefficient"]


def test_what_does_not_help_stays_off_and_the_figures_say_so():
    learnt = second_stage.learnt(lesions(2000, 0.4, "LEARNT")[0])
    for against in (-0.1, -0.4):
        stage = second_stage.fit(*lesions(1000, against), learnt)
        assert (stage["terms"], stage["learnt"]) == ({}, learnt)
        assert stage["log_loss"]["with"] >= stage["log_loss"]["without"]
    stage = second_stage.fit(*lesions(4000, 0.0), learnt)
    assert abs(stage["terms"].get("age", {"coefficient": 0})["coefficient"]) < 0.05


def test_a_clinic_whose_few_lesions_age_tells_apart_moves_no_odds_far():
    """Without a bound, a melanoma of an old person was not a melanoma any more."""
    learnt = second_stage.learnt(lesions(2000, 0.4, "LEARNT")[0])
    apart = [("bcc", 75.0)] * 10 + [("nv", 40.0)] * 40
    rows = [row(f"HAM{i}", dx, age=age + i / 10) for i, (dx, age) in enumerate(apart)]
    stage = second_stage.fit(rows, np.linspace(0.2, 0.3, len(rows)), learnt)
    of_age = stage["terms"]["age"]["coefficient"]
    assert 0 < of_age <= 2 * learnt["age"]["coefficient"] < 0.6


def test_the_model_card_says_why_no_stage_is_used():
    """Without terms it said that too few pictures know any of it, of thousands that do."""
    rows, probability = lesions(400, 0.4)
    nothing = second_stage.fit(rows, probability, {})
    few = second_stage.fit(rows[:3], probability[:3], STAGE)
    against = second_stage.fit(*lesions(1000, -0.4), STAGE)
    for stage, said in (
        (nothing, "not used. There were no terms to try."),
        (few, "not used. Too few validation pictures with and without such a cancer"),
        (against, "not used, since it does not help. Cross-validated on 1000"),
    ):
        assert f"**Photo**: {said}" in model_card._known({"photo": stage})


def test_a_set_s_share_of_cancers_is_not_taken_for_age():
    """Two clinics: the one with older people sees more cancers, at every age."""
    (young, p), (old, q) = lesions(800, 0.0), lesions(800, 0.0, "OLD")
    rng = np.random.default_rng(1)
    young = [replace(r, age=r.age / 2) for r in young]
    old = [replace(r, age=40 + r.age / 2) for r in old]
    old = [replace(r, dx="bcc", allowed=("bcc",)) if rng.random() < 0.5 else r for r in old]
    terms = second_stage.learnt([*young, *old])
    assert abs(terms["age"]["coefficient"]) < 0.1
    stage = second_stage.fit([*young, *old], np.r_[p, q], {"age": STAGE["age"]})
    assert abs(stage["terms"].get("age", {"coefficient": 0})["coefficient"]) < 0.1


def test_a_label_that_leaves_low_risk_open_teaches_nothing():
    rows, probability = lesions(400, 0.4)
    rows = [replace(r, dx="malignant", allowed=("bcc", "akiec", "mel")) for r in rows]
    assert second_stage.learnt(rows) == {}
    assert second_stage.fit(rows, probability, STAGE)["lesions"] == 0


def test_too_few_or_unknown_people_leave_it_off():
    one, unknown = [row(0, "nv", age=50.0)], [row(n, "nv") for n in range(40)]
    assert second_stage.fit(one, np.array([0.2]), STAGE)["terms"] == {}
    assert second_stage.fit(unknown, np.full(40, 0.2), STAGE)["terms"] == {}
    assert second_stage.learnt(one) == second_stage.learnt(unknown) == {}
    assert second_stage.fit(*lesions(400, 0.4), {})["terms"] == {}
