"""What every benchmark prints and keeps."""

import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import psutil

FOLDER = Path("var/benchmarks")


def summary(milliseconds: list[float]) -> dict[str, float]:
    """Median, the slowest of twenty, and the worst."""
    if not milliseconds:
        return {}
    median, p95, worst = np.percentile(milliseconds, (50, 95, 100))
    return {"median": round(median, 1), "p95": round(p95, 1), "worst": round(worst, 1)}


def processor_s(backend: psutil.Process) -> float:
    """Seconds of processor time so far, of Python and of the PostgreSQL process that works for
    it."""
    return time.process_time() + sum(backend.cpu_times()[:2])


def keep(name: str, result: dict) -> None:
    """Print a result with the machine that gave it, and write it as JSON."""
    text = json.dumps({"machine": _machine(), **result}, indent=1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(text + "\n")
    print(text)


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line for line in information.read_text().splitlines() if "model name" in line]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    # Not every system lets a process be bound to some of its cores.
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count()
    return f"{cores} cores, {processor}, Python {platform.python_version()}"
