"""The networks: backbones, heads, and the graphs that are served. Imports no data set."""

from ml.network.graph import (
    FAMILIAR_COMPONENTS,
    QUALITY,
    SIDE,
    Familiar,
    build,
    draw_heads,
    second_reader,
    serving,
)

__all__ = [
    "FAMILIAR_COMPONENTS",
    "QUALITY",
    "SIDE",
    "Familiar",
    "build",
    "draw_heads",
    "second_reader",
    "serving",
]
