"""Pictures in other colours than sRGB, drawn from an sRGB truth by the standards' formulas."""

import struct
import zlib

import numpy as np

WHITE = (0.3127, 0.3290)
BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
BT2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PROPHOTO = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
D50_XYZ = (0.9642, 1.0, 0.8249)


def truth(height: int = 96, width: int = 128) -> np.ndarray:
    """A brown lesion on skin in sRGB, smooth so that compression costs little: uint8."""
    y, x = np.mgrid[0:height, 0:width] / (height, width)[0]
    inside = 1 / (1 + np.exp(14 * (np.hypot(x - 0.65, y - 0.5) - 0.28)))[..., None]
    skin = np.stack([225 - 30 * y, 178 - 25 * y, 155 + 10 * x], axis=2)
    return (skin + inside * (np.array([92, 55, 38]) - skin)).round().astype(np.uint8)


def light(srgb: np.ndarray) -> np.ndarray:
    """Linear light of sRGB, 0 to 1 (IEC 61966-2-1)."""
    v = srgb / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def srgb_curve(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def pq_curve(value: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, reference white at 203 cd/m² (BT.2408)."""
    y = (value * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def hlg_curve(value: np.ndarray) -> np.ndarray:
    """BT.2100 HLG of light in BT.2020 as a display of 1,000 cd/m² shows it, white at 203."""
    display = value * 203 / 1000
    luminance = display @ np.array([0.2627, 0.6780, 0.0593])
    scene = display * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def xyz_of(primaries: tuple[float, ...], white: tuple[float, float] = WHITE) -> np.ndarray:
    """The matrix from RGB to XYZ."""
    columns = [
        (x / y, 1, (1 - x - y) / y) for x, y in zip(primaries[::2], primaries[1::2], strict=True)
    ]
    matrix = np.array(columns).T
    x, y = white
    return matrix * (np.linalg.inv(matrix) @ (x / y, 1, (1 - x - y) / y))


def in_primaries(linear: np.ndarray, primaries: tuple[float, ...]) -> np.ndarray:
    """Light of sRGB as light of other primaries with the same white."""
    return (linear @ (np.linalg.inv(xyz_of(primaries)) @ xyz_of(BT709)).T).clip(0, 1)


def quantised(signal: np.ndarray, bits: int = 8) -> np.ndarray:
    most = 2**bits - 1
    return (signal.clip(0, 1) * most).round().astype(np.uint8 if bits == 8 else np.uint16)


def adapted(matrix: np.ndarray) -> np.ndarray:
    """A matrix to XYZ, its white brought to the D50 of ICC profiles (Bradford)."""
    cones = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    gain = (cones @ D50_XYZ) / (cones @ matrix.sum(1))
    return np.linalg.inv(cones) @ np.diag(gain) @ cones @ matrix


def rgb_profile(matrix: np.ndarray, gamma: float) -> bytes:
    """An ICC profile, version 2.4, of three primaries, in XYZ under D50, and one exponent."""
    columns = {
        name: _xyz(matrix[:, number]) for number, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))
    }
    curves = {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"RGB ", columns | curves)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", {b"kTRC": _curve(gamma)})


def display_p3_profile() -> bytes:
    return rgb_profile(adapted(xyz_of(P3)), 2.2)


def png(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """(height, width[, channels]) of uint8 or uint16 → PNG, with chunks before the pixels."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, colour_type, 0, 0, 0)
    every = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in every)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def icc_chunk(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"drawn\0\0" + zlib.compress(profile)


def gama_chunk(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def chrm_chunk(primaries: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(v * 100_000) for v in (*WHITE, *primaries)))


def cicp_chunk(primaries: int, transfer: int, full_range: int = 1) -> tuple[bytes, bytes]:
    return b"cICP", bytes((primaries, transfer, 0, full_range))


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {
        b"desc": _description(),
        b"wtpt": _xyz(D50_XYZ),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    } | tags
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sI4s4s8sI12s",
        size, b"\0\0\0\0", 0x02400000, b"mntr", space, b"XYZ ", bytes(12), b"acsp", bytes(4), 0,
        bytes(4), bytes(4), bytes(8), 0, struct.pack(">3i", *(round(v * 65536) for v in D50_XYZ)),
    )  # fmt: skip
    return header + bytes(128 - len(header)) + table + body


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65536) for v in values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _description() -> bytes:
    text = b"drawn\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
