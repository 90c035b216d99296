"""HEIC and AVIF: where coded pictures lie (ISO/IEC 14496-12, 8.11), and whether one has a hole."""

from collections.abc import Iterator

from ml.decoding.holes import has_zeros

# In HEIC three zeros never follow each other in what is coded (ITU-T H.265, 7.4.2.1), but for
# lengths; of AVIF no more than four were found, also of flat pictures.
CODED = (b"hvc1", b"av01")


def is_heic(data: bytes) -> bool:
    """Whether a file is made of boxes, as AVIF is, too."""
    return data[4:8] == b"ftyp"


def has_hole(data: bytes) -> bool:
    """Whether zeros stand where a picture was, as a broken copy leaves: decoders hide them.

    Raises EOFError and IndexError for a file that ends in its tables.
    """
    return any(has_zeros(data, start, stop) for start, stop in set(_coded(data)))


def _coded(data: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each part of the file in which pixels are coded."""
    metas = [part for name, *part in _boxes(data, 0, len(data)) if name == b"meta"]
    for start, end in metas:
        inside = {name: part for name, *part in _boxes(data, start + 4, end)}
        if b"iinf" not in inside or b"iloc" not in inside:
            continue
        coded = _coded_items(data, *inside[b"iinf"])
        for item, begin, stop in _places(data, inside[b"iloc"][0]):
            if item in coded:
                yield begin, stop


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of what stands in each box."""
    while at + 8 <= end:
        size, head = int.from_bytes(data[at : at + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        stop = min(at + size, end) if size else end
        if stop < at + head:
            break
        yield data[at + 4 : at + 8], at + head, stop
        at = stop


def _coded_items(data: bytes, start: int, end: int) -> set[int]:
    found = set()
    for name, at, _stop in _boxes(data, start + (8 if data[start] else 6), end):
        wide = 4 if data[at] > 2 else 2  # versions 2 and 3; earlier ones tell no kind
        kind = at + 4 + wide + 2
        if name == b"infe" and data[at] >= 2 and data[kind : kind + 4] in CODED:
            found.add(int.from_bytes(data[at + 4 : at + 4 + wide]))
    return found


def _places(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(item, start, end) of each of its parts that is told by its place in the file."""
    version, sizes = data[at], data[at + 4 : at + 6].hex()
    offset_size, length_size, base_size, index_size = (int(size, 16) for size in sizes)
    at += 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(data):
            raise EOFError
        return int.from_bytes(data[at - size : at])

    wide = 4 if version > 1 else 2
    for _ in range(number(wide)):
        item = number(wide)
        in_file = not version or number(2) & 15 == 0
        number(2)
        base = number(base_size)
        for _part in range(number(2)):
            number(index_size if version else 0)
            start = base + number(offset_size)
            length = number(length_size)
            if in_file:
                yield item, start, start + length if length else len(data)
