"""The one list of file kinds that are read; pages, API, sentences and README take it from here."""

from dataclasses import dataclass

from ml.decoding.errors import ImageError


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name for people, Pillow's names for it, its limit by what it costs.

    ``shown`` says whether every browser shows it; where not, the server makes the preview.
    """

    name: str
    formats: tuple[str, ...]
    endings: tuple[str, ...]
    media_types: tuple[str, ...]
    megapixels: int
    shown: bool = True


KINDS = (
    # Decoded at a fraction; 200 million are the most that phones make.
    Kind(
        "JPEG",
        ("JPEG", "MPO"),
        (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        ("image/jpeg", "image/mpo"),
        200,
    ),
    Kind("PNG", ("PNG",), (".png",), ("image/png",), 25),
    Kind("WebP", ("WEBP",), (".webp",), ("image/webp",), 25),
    # Phones' largest have 8,192 × 6,144 pixels.
    Kind(
        "HEIC",
        ("HEIF",),
        (".heic", ".heics", ".heif", ".heifs", ".hif"),
        ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"),
        51,
        shown=False,
    ),
    Kind("AVIF", ("AVIF",), (".avif",), ("image/avif",), 25),
    Kind("TIFF", ("TIFF",), (".tif", ".tiff"), ("image/tiff",), 25, shown=False),
    Kind("BMP", ("BMP",), (".bmp", ".dib"), ("image/bmp",), 25),
    Kind(
        "JPEG 2000",
        ("JPEG2000",),
        (".jp2", ".j2k", ".jpx", ".jpf", ".j2c"),
        ("image/jp2", "image/jpx"),
        25,
        shown=False,
    ),
    Kind("DICOM", ("DICOM",), (".dcm", ".dicom"), ("application/dicom",), 25, shown=False),
)
NAMES = ", ".join(kind.name for kind in KINDS)
ENDINGS = frozenset(ending for kind in KINDS for ending in kind.endings)
# A progressive JPEG holds all its coefficients in memory, at whatever fraction it is decoded.
PROGRESSIVE_MEGAPIXELS = 64
HEAD_BYTES = 132

_BY_FORMAT = {name: kind for kind in KINDS for name in kind.formats}
# (offset, bytes, name): kinds that people send and that are not read.
_OTHERS = (
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL \r\n\x87\n", "JPEG XL"),
    (0, b"%PDF", "PDF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"<svg", "SVG"),
    (0, b"PK\x03\x04", "ZIP"),
)
_RAW = (
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"IIU\0"),
    (8, b"CR\x02"),
    (4, b"ftypcrx "),
)
# How kinds that are read begin, so that one that can't be opened is called damaged.
_OWN = (
    (0, b"\x89PNG\r\n\x1a\n"),
    (8, b"WEBP"),
    *(
        (4, b"ftyp" + brand)
        for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
    ),
    (0, b"II*\0"),
    (0, b"MM\0*"),
    (4, b"jP  \r\n\x87\n"),
    (0, b"\xff\x4f\xff\x51"),
)
_VIDEO = (
    *((4, b"ftyp" + brand) for brand in (b"qt  ", b"isom", b"mp4", b"avc1", b"3gp", b"M4V")),
    (0, b"\x1aE\xdf\xa3"),
    (8, b"AVI "),
)


def of(format_name: str | None) -> Kind | None:
    """The kind that Pillow calls by this name, or None."""
    return _BY_FORMAT.get(format_name or "")


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM (part 10, section 7.1: a preamble, then DICM)."""
    return head[128:132] == b"DICM"


def is_own(head: bytes) -> bool:
    """Whether a file begins as a kind that is read: one that can't be opened is then damaged."""
    return is_dicom(head) or (_begins(head, _OWN) and not _begins(head, _RAW))


def not_a_picture(head: bytes) -> ImageError:
    """The error for a file that begins so and can't be read: by what it is, where that is known."""
    if _begins(head, _VIDEO):
        return ImageError("video", "This file is a video. Send a photo.")
    if _begins(head, _RAW):
        return camera_raw()
    for offset, magic, name in _OTHERS:
        if head.startswith(magic, offset):
            return ImageError(
                "not_a_picture",
                "This is a %(kind)s file, which can't be read here. "
                "Save the picture as JPEG or PNG and send that.",
                kind=name,
            )
    return ImageError(
        "not_a_picture",
        "This file is not a picture that we can read. Use one of these: %(kinds)s.",
        kinds=NAMES,
    )


def camera_raw() -> ImageError:
    """The error for what a camera's sensor saw, which only a raw converter makes a picture of."""
    return ImageError("camera_raw", "This is a camera's raw file. Export it as JPEG and send that.")


def several_pictures() -> ImageError:
    """The error for a file of which nobody knows which picture is meant."""
    return ImageError("several_pictures", "This file holds several pictures. Send one of them.")


def check_size(kind: Kind, width: int, height: int, *, progressive: bool = False) -> None:
    """Refuse what would cost too much to decode. Raises ImageError: ``too_many_pixels``."""
    millions = min(kind.megapixels, PROGRESSIVE_MEGAPIXELS) if progressive else kind.megapixels
    if width * height > millions * 1_000_000:
        raise too_many_pixels(millions, f"progressive {kind.name}" if progressive else kind.name)


def too_many_pixels(millions: int, kind: str) -> ImageError:
    """The error that names the limit."""
    return ImageError(
        "too_many_pixels",
        "The picture has more than %(millions)d megapixels, the limit for %(kind)s. "
        "Send a smaller one.",
        millions=millions,
        kind=kind,
    )


def _begins(head: bytes, signs: tuple[tuple[int, bytes], ...]) -> bool:
    return any(head.startswith(magic, offset) for offset, magic in signs)
