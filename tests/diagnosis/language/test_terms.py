"""Every code of the taxonomy has a name that people read."""

from diagnosis.language import frequencies, terms
from ml import skin_tone, taxonomy


def test_no_code_is_without_a_name():
    assert tuple(terms.MODALITIES) == taxonomy.MODALITIES
    assert tuple(terms.RISK_CATEGORIES) == taxonomy.RISK_CATEGORIES
    assert tuple(terms.DIAGNOSES) == taxonomy.DIAGNOSES
    assert tuple(terms.ADVICE) == taxonomy.ADVICE
    assert tuple(terms.SIGNS) == taxonomy.SIGNS
    assert tuple(terms.BODY_SITES) == taxonomy.BODY_SITES
    assert tuple(terms.SKIN_TONES) == tuple(name for name, _lowest in skin_tone.TONES)
    assert set(terms.FOREIGN) == set(frequencies.release()["refused"]["foreign"])
