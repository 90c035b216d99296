"""Classes of the individual typology angle, which the network's graph measures."""

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
# The graph's answer where no skin is left around the lesion.
NO_SKIN = 90.0


def tone_of(angle: float) -> str | None:
    """The class of an angle in degrees; None where no skin was seen."""
    if angle == NO_SKIN:
        return None
    return next((name for name, lowest in TONES if angle > lowest), TONES[-1][0])
