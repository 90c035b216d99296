"""Bands of malignancy, and the cancers that were seen in each."""

import numpy as np

from ml.publish import bands


def some(n: int) -> list[bands.Band]:
    rng = np.random.default_rng(2)
    malignancy = rng.random(n)
    return bands.observed(malignancy, rng.random(n) < malignancy, [str(i) for i in range(n)])


def test_a_higher_band_has_no_lower_share_and_none_holds_few_lesions():
    found = some(1000)
    assert len(found) > 4
    assert found[0]["low"] == 0
    lows, shares = ([band[name] for band in found] for name in ("low", "share"))
    assert lows == sorted(lows)
    assert shares == sorted(shares)
    assert min(band["lesions"] for band in found) >= bands.FEWEST
    assert sum(band["pictures"] for band in found) == 1000
    for band in found:
        low, high = band["share_ci95"]
        assert low <= band["share"] <= high
        assert high - low > 0.01  # even where all or none showed a cancer


def test_several_pictures_of_a_lesion_are_one_lesion():
    n = 400
    malignancy = np.linspace(0, 1, n)
    lesions = [str(i // 10) for i in range(n)]
    (band,) = bands.observed(malignancy, malignancy > 0.5, lesions)
    assert (band["lesions"], band["pictures"], band["malignant"]) == (40, 400, 200)
    assert band["share_ci95"][1] - band["share_ci95"][0] > 0.25  # of 40, not of 400


def test_too_few_lesions_give_no_band():
    assert some(39) == []
