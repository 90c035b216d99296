"""Colours told by numbers, not by an ICC profile: H.273 (nclx, cICP) and PNG's gAMA and cHRM.

High dynamic range comes to sRGB by BT.2408's direct mapping: reference white, 203 cd/m², becomes
white, and what is brighter is cut off. Skin lies below it and keeps its colours exactly.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Chromaticities = tuple[float, ...]  # x and y of red, green, blue and white

D65 = (0.3127, 0.3290)
BT709: Chromaticities = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *D65)
ADOBE_RGB: Chromaticities = (0.640, 0.330, 0.210, 0.710, 0.150, 0.060, *D65)
# H.273, table 2.
PRIMARIES: dict[int, Chromaticities] = {
    1: BT709,
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.310, 0.316),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *D65),
}
# H.273, table 3. Stills that name a television curve are shown by browsers as sRGB.
SRGB, PQ, HLG = "sRGB", "PQ", "HLG"
TRANSFERS: dict[int, str | float] = {
    **dict.fromkeys((1, 6, 7, 11, 12, 13, 14, 15), SRGB),
    4: 2.2,
    5: 2.8,
    8: 1.0,
    16: PQ,
    18: HLG,
}
REFERENCE_WHITE = 203  # cd/m², BT.2408, table 1
HLG_PEAK, HLG_GAMMA = 1000, 1.2  # cd/m² and system gamma of BT.2100's display
BAND = 256  # rows in one step: a whole picture in more than eight bits would fill the memory
FLOOR = 1e-3  # in place of a half: less than any step of 16 bits, more than what float32 leaves out
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class Encoding:
    """Primaries by their chromaticities, and the curve: a name or the exponent to linear light."""

    primaries: Chromaticities = BT709
    transfer: str | float = SRGB
    full_range: bool = True

    @property
    def is_srgb(self) -> bool:
        """Whether the pixels are right as they are."""
        near = np.allclose(self.primaries, BT709, atol=0.0015)
        return near and self.transfer == SRGB and self.full_range

    @property
    def is_hdr(self) -> bool:
        """Whether white is far from the brightest value."""
        return self.transfer in (PQ, HLG)


def by_code_points(primaries: int, transfer: int, full_range: bool = True) -> Encoding | None:
    """The encoding of H.273's code points; None where they say nothing (2, "unspecified")."""
    if primaries not in PRIMARIES and transfer not in TRANSFERS:
        return None
    return Encoding(PRIMARIES.get(primaries, BT709), TRANSFERS.get(transfer, SRGB), full_range)


def by_png_chunks(gamma: float | None, chromaticity: Chromaticities | None) -> Encoding | None:
    """The encoding of the gAMA and cHRM chunks; None where there is neither.

    A gAMA of 0.45455 stands for sRGB, which writes it for old decoders (PNG 3rd ed., 11.3.2.5).
    """
    curve = SRGB if not gamma or abs(gamma - 0.45455) < 0.005 else 1 / gamma
    if not gamma and not chromaticity:
        return None
    primaries = (*chromaticity[2:], *chromaticity[:2]) if chromaticity else BT709
    return Encoding(primaries if _possible(primaries) else BT709, curve)


def eight_bits(samples: np.ndarray, most: int, half: float = 0.5) -> np.ndarray:
    """Whole numbers from 0 to ``most`` → uint8, rounded; what is outside is cut off.

    With FLOOR for ``half``, rounded down.
    """
    result = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), BAND):
        rows = samples[top : top + BAND].astype(np.float32)
        rows *= 255 / most
        rows += half
        result[top : top + BAND] = rows.clip(0, 255, out=rows)
    return result


def to_srgb(samples: np.ndarray, encoding: Encoding, factor: int = 1) -> np.ndarray:
    """(height, width, 3) of uint8 or uint16 → sRGB in uint8, reduced by a whole factor.

    The mean of a block is that of its light.
    """
    height, width = samples.shape[0] // factor, samples.shape[1] // factor
    curve = _to_light(encoding, samples.dtype)
    matrix = _to_bt709(encoding.primaries)
    luminance = _to_xyz(encoding.primaries)[1].astype(np.float32)
    encoded = _from_light()
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, BAND):
        rows = samples[top * factor : min(top + BAND, height) * factor, : width * factor]
        light = curve[rows]
        if factor > 1:
            light = light.reshape(-1, factor, width, factor, 3).mean((1, 3))
        if encoding.transfer == HLG:
            # BT.2100, table 5: what the display adds to the scene.
            light *= (light @ luminance)[..., None] ** (HLG_GAMMA - 1)
            light *= HLG_PEAK / REFERENCE_WHITE
        light = (light @ matrix).clip(0, 1)
        light *= len(encoded) - 1
        light += 0.5
        result[top : top + BAND] = encoded[light.astype(np.uint16)]
    return result


@lru_cache(maxsize=16)
def _to_light(encoding: Encoding, dtype: np.dtype) -> np.ndarray:
    """Light of each possible value, 1 for white; for HLG that of the scene, 1 for the peak."""
    most = np.iinfo(dtype).max
    signal = np.linspace(0, 1, most + 1)
    if not encoding.full_range:
        signal = ((signal * most / (most + 1) * 256 - 16) / 219).clip(0, 1)
    match encoding.transfer:
        case "sRGB":  # IEC 61966-2-1
            light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
        case "PQ":  # SMPTE ST 2084
            m1, m2 = 2610 / 16384, 2523 / 32
            c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
            root = signal ** (1 / m2)
            light = ((root - c1).clip(0) / (c2 - c3 * root)) ** (1 / m1)
            light *= 10_000 / REFERENCE_WHITE
        case "HLG":  # BT.2100, table 5
            a, b, c = 0.17883277, 0.28466892, 0.55991073
            light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        case exponent:
            light = signal ** float(exponent)
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _from_light() -> np.ndarray:
    """The sRGB value, uint8, of light in 65,536 steps."""
    light = np.linspace(0, 1, 65536)
    signal = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (signal * 255).round().astype(np.uint8)


def _to_xyz(primaries: Chromaticities) -> np.ndarray:
    """RGB → CIE XYZ by the primaries and the white point (SMPTE RP 177)."""
    xy = np.array(primaries).reshape(4, 2)
    xyz = np.column_stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(1)) / xy[:, 1]])
    colours, white = xyz[:3].T, xyz[3]
    return colours * np.linalg.solve(colours, white)


@lru_cache(maxsize=16)
def _to_bt709(primaries: Chromaticities) -> np.ndarray:
    """To be multiplied from the right; another white is adapted as Bradford's cones do."""
    source, target = _to_xyz(primaries), _to_xyz(BT709)
    cones = [BRADFORD @ matrix.sum(1) for matrix in (source, target)]
    adapted = np.linalg.inv(BRADFORD) @ np.diag(cones[1] / cones[0]) @ BRADFORD
    return (np.linalg.inv(target) @ adapted @ source).T.astype(np.float32)


def _possible(primaries: Chromaticities) -> bool:
    """Whether three different colours and a white are told."""
    try:
        with np.errstate(all="ignore"):
            return bool(np.isfinite(_to_bt709(primaries)).all())
    except np.linalg.LinAlgError:
        return False
