"""The skin around a lesion, by its individual typology angle."""

import numpy as np
from PIL import Image
from skimage.color import rgb2lab

# Lower bounds in degrees (Chardon et al., Int. J. Cosmet. Sci. 13, 1991), as published work
# on ISIC pictures uses them (Kinyanjui et al., MICCAI 2020).
TONES = (
    ("very_light", 55.0),
    ("light", 41.0),
    ("intermediate", 28.0),
    ("tan", 10.0),
    ("brown", -30.0),
    ("dark", -90.0),
)
SIDE = 64
RING = SIDE // 6


def typology_angle(image: np.ndarray, mask: np.ndarray | None = None) -> float | None:
    """atan((L* − 50) / b*) in degrees, of the median skin outside the mask; without one, of the
    picture's border. It measures light and camera too. None where no skin is left.
    """
    small = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))
    lab = rgb2lab(small)
    skin = np.ones((SIDE, SIDE), bool)
    if mask is None:
        skin[RING:-RING, RING:-RING] = False
    else:
        inside = Image.fromarray(mask.astype(np.uint8) * 255)
        skin = np.asarray(inside.resize((SIDE, SIDE), Image.Resampling.BOX)) == 0
    # The dermoscope's black frame, the white of rulers and reflections, and ink are no skin.
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    skin &= (lightness > 15) & (lightness < 98) & (a > -2) & (b > -15)
    if skin.sum() < SIDE:
        return None
    return float(np.degrees(np.arctan2(np.median(lightness[skin]) - 50, np.median(b[skin]))))


def tone_of(angle: float | None) -> str | None:
    """The class of an angle."""
    if angle is None:
        return None
    return next((name for name, lowest in TONES if angle > lowest), TONES[-1][0])
