"""Every code of the taxonomy has a name that people read."""

from diagnosis import terms
from ml import taxonomy


def test_no_code_is_without_a_name():
    assert tuple(terms.MODALITIES) == taxonomy.MODALITIES
    assert tuple(terms.RISK_CATEGORIES) == taxonomy.RISK_CATEGORIES
    assert tuple(terms.DIAGNOSES) == taxonomy.DIAGNOSES
    assert tuple(terms.ADVICE) == taxonomy.ADVICE
    assert tuple(terms.SIGNS) == taxonomy.SIGNS
    assert tuple(terms.BODY_SITES) == taxonomy.BODY_SITES
