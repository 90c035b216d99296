"""Room on the disk of the backups, on which the database may lie, too."""

import errno
import io
import shutil
from pathlib import Path
from typing import Any, BinaryIO

LEFT_FREE = 200 * 1024**2  # bytes that stay free
LOOKED_AFTER = 1024**2  # bytes
ADVICE = "Enlarge it, keep fewer (BACKUPS_KEPT), or set BACKUPS to another disk."


def file(path: Path) -> BinaryIO:
    """Make a file, whose writes raise OSError before the disk is full."""
    return io.BufferedWriter(_File(path, "wb"), LOOKED_AFTER)


class _File(io.FileIO):
    def write(self, data: Any) -> int:
        if shutil.disk_usage(str(self.name)).free < LEFT_FREE:
            raise OSError(errno.ENOSPC, f"The disk of {self.name} is almost full. {ADVICE}")
        return super().write(data)
