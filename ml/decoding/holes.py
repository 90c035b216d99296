"""Zeros in place of a part of a picture, as a broken copy leaves them: decoders read on."""

from collections.abc import Callable

import numpy as np

# So many in a row are rare in what is coded, and may be a black or a white part.
HOLE = bytes(16)
# What a decoder is asked to take them for: no marker, and nothing of it zero.
_OTHER = bytes(range(71, 71 + 12))
MIN_ROWS, DARK, STEPS = 4, 8, 4


def has_zeros(data: bytes, start: int, end: int) -> bool:
    """Whether so many stand in ``data[start:end]`` that they may be a hole."""
    return data.find(HOLE, start, end) >= 0


def has_hole(
    data: bytes,
    start: int,
    end: int,
    *,
    pixels: bytes,
    decode: Callable[[bytes], bytes | None],
    further: bytes,
) -> bool:
    """Whether zeros, which has_zeros found, stand for a part of what is coded in
    ``data[start:end]``.

    ``pixels`` are those of ``data``; ``decode`` gives them of a file in which that is changed, or
    None where it can't be read.
    Zeros take fewer bytes for a pixel than a picture, or shift what follows, so that a decoder is
    done before the end: where the last bytes can be anything, a part is lost. ``further`` are
    bytes that it would read on in, for zeros that are not read at all: they stand for nothing.
    """

    def is_unread(last: int) -> bool:
        if last - start < len(_OTHER):
            return False
        return decode(data[: last - len(_OTHER)] + _OTHER + data[last:]) == pixels

    written = start + len(data[start:end].rstrip(b"\0"))
    if is_unread(written):
        return True
    if end - written < len(HOLE) or not is_unread(end):
        return False
    longer = further * (1 + (end - written) // len(further))
    return decode(data[:written] + longer[: end - written] + data[end:]) != pixels


def has_cut_row(rows: bytes, stride: int) -> bool:
    """Whether plain pixels, each row of ``stride`` bytes, end or begin within a row, beside zeros.

    A black bar begins with a row; a round frame and one that is turned end by steps.
    """
    grid = np.frombuffer(rows, np.uint8, len(rows) // stride * stride).reshape(-1, stride)
    return any(_has_cut(part) for part in (grid, grid[::-1, ::-1]))


def _has_cut(grid: np.ndarray) -> bool:
    black = np.asarray(~grid.any(axis=1))
    for row in np.flatnonzero(black[3:] & ~black[2:-1]) + 3:
        if black[row : row + MIN_ROWS].sum() == MIN_ROWS:
            before, above, last = (
                grid.shape[1] - int(np.argmax(grid[at, ::-1] > least))
                for at, least in ((row - 3, DARK), (row - 2, DARK), (row - 1, 0))
            )
            is_step = above - last <= len(HOLE) + STEPS * max(before - above, 0)
            beside = grid[row - 1, max(last - len(HOLE), 0) : last], grid[row - 2, last:above]
            # What JPEG leaves in a black bar ends anywhere, and is dark.
            if not is_step and min(np.mean(part > DARK) for part in beside) >= 0.5:
                return True
    return False
