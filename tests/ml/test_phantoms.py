"""The demo pictures that our own code renders."""

import numpy as np
import pytest

from ml.synthetic import phantoms


@pytest.mark.parametrize("name", phantoms.PHANTOMS)
def test_a_phantom_is_always_the_same_picture(name):
    first, second = phantoms.render(name, 192), phantoms.render(name, 192)
    assert first.size == (192, 192)
    assert np.array_equal(np.asarray(first), np.asarray(second))


@pytest.mark.parametrize("name", phantoms.PHANTOMS)
def test_the_middle_shows_a_lesion_on_skin(name):
    picture = np.asarray(phantoms.render(name, 192)).astype(float)
    middle, corner = picture[80:112, 80:112].mean((0, 1)), picture[:24, :24].mean((0, 1))
    assert np.abs(middle - corner).max() > 10
    red, green, blue = corner
    assert red > green > blue


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        phantoms.render("dragon")
