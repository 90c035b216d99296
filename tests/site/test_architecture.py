"""The drawing in docs/architecture.md and the import contracts say the same."""

import itertools
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRAWING = (ROOT / "docs/architecture.md").read_text().split("```")[1].removeprefix("mermaid")
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]


def ranks() -> dict[str, int]:
    """How high each room stands by the contracts; 0 is the highest."""
    contracts = TOOLS["importlinter"]["contracts"]
    apps, rooms = (each["layers"] for each in contracts if each["type"] == "layers")
    names = [layer.split(" | ") for layer in [apps[0], *rooms, *apps[2:]]]
    ranked = {name: rank for rank, layer in enumerate(names) for name in layer}
    return ranked | dict.fromkeys(apps[1].split(" | "), 1)


def test_every_room_is_drawn():
    """The contract is exhaustive: it fails for a room that it does not know."""
    [contract] = [of for of in TOOLS["importlinter"]["contracts"] if of.get("exhaustive")]
    for room in " | ".join(contract["layers"][1:]).split(" | "):  # above them: how one comes in
        assert re.search(rf"\b{room}\b", DRAWING), room


def test_every_arrow_is_allowed():
    named = {"site": "skincare_site", "entry": "urls", "own": "own_data"}
    rank = ranks()
    arrows = 0
    for line in DRAWING.splitlines():
        ends = [re.sub(r"\[.*?\]", "", end).strip().split(" & ") for end in line.split("-->")]
        for above, below in itertools.pairwise(ends):
            for upper in above:
                for lower in below:
                    arrows += 1
                    assert rank[named.get(upper, upper)] < rank[named.get(lower, lower)], line
    assert arrows > 10
