"""The networks: backbones, heads, and the graphs that are served. Imports no data set."""

from ml.network.graph import QUALITY, SIDE, Familiar, build, draw_heads, serving

__all__ = ["QUALITY", "SIDE", "Familiar", "build", "draw_heads", "serving"]
