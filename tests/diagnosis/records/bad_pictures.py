"""Files that are no picture to judge, with the status and words that each is refused by."""

import io
import struct
import zlib

from PIL import Image

from tests.factories import picture


def bomb() -> bytes:
    """A PNG of 20,000 × 20,000 pixels in a few hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 60_001)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def animated_gif() -> bytes:
    stream = io.BytesIO()
    frames = [Image.new("P", (200, 200), color) for color in (1, 2)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


BAD = {
    "text": (lambda: b"I am no picture, whatever my name is.", 400, "JPEG, PNG, WebP, HEIC"),
    "truncated": (lambda: picture((600, 600), quality=95)[:3000], 400, "damaged or incomplete"),
    "bomb": (bomb, 400, "megapixels"),
    "empty": (lambda: b"", 400, "empty"),
    "60 MB": (lambda: picture() + bytes(60_000_000), 413, "larger than 25 MB"),
    "animated": (animated_gif, 400, "GIF"),
    "tiny": (lambda: picture((10, 10)), 400, "at least 32"),
    "narrow": (lambda: picture((5000, 70)), 400, "at least 79"),
}
