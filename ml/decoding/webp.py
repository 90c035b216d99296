"""WebP: where its coded picture lies (RFC 9649, 2.5 to 2.7)."""

from collections.abc import Iterator

HEAD = 12  # of the file; of each chunk it is 8


def is_webp(data: bytes) -> bool:
    """Whether a file is made of the chunks that WebP has."""
    return data[:4] == b"RIFF" and data[8:HEAD] == b"WEBP"


def coded(data: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each chunk in which pixels are coded."""
    at = HEAD
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] in (b"VP8 ", b"VP8L"):
            yield at + 8, min(at + 8 + size, len(data))
        at += 8 + size + size % 2
