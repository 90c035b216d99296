"""Pictures without a lesion, made here: what the network must learn to refuse.

Outlier exposure (Hendrycks et al., arXiv 1812.04606): the ``lesion`` head sees them as 0.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SKIN_PATCH = 0.42  # side of a corner patch of plain skin, as a share of the picture's


def skin_patches(picture: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """Corners of a (s, s, 3) lesion picture that its (m, m) mask leaves free, at full size."""
    side, mask_side = picture.shape[0], mask.shape[0]
    cut, mask_cut = round(side * SKIN_PATCH), round(mask_side * SKIN_PATCH)
    patches = []
    for top in (0, 1):
        for left in (0, 1):
            rows = slice(-mask_cut, None) if top else slice(mask_cut)
            columns = slice(-mask_cut, None) if left else slice(mask_cut)
            if mask[rows, columns].any():
                continue
            rows = slice(-cut, None) if top else slice(cut)
            columns = slice(-cut, None) if left else slice(cut)
            patch = Image.fromarray(picture[rows, columns])
            patches.append(np.asarray(patch.resize((side, side), Image.Resampling.BICUBIC)))
    return patches


def drawing(rng: np.random.Generator, side: int) -> np.ndarray:
    """One flat drawing, text page, gradient, noise or plain colour: (side, side, 3) uint8."""
    kind = rng.choice(["shapes", "text", "gradient", "noise", "plain", "stripes"])
    colour = rng.integers(0, 256, 3)
    if kind == "noise":
        spread = rng.uniform(5, 128)
        picture = rng.normal(colour, spread, (side, side, 3)).clip(0, 255).astype(np.uint8)
        return np.asarray(
            Image.fromarray(picture).filter(
                ImageFilter.GaussianBlur(float(rng.choice([0, 0, 2, 8])))
            )
        )
    if kind == "gradient":
        ramp = np.linspace(0, 1, side)[:, None, None]
        picture = (colour * ramp + rng.integers(0, 256, 3) * (1 - ramp)) * np.ones((1, side, 1))
        return np.rot90(picture, rng.integers(4)).astype(np.uint8)
    if kind == "stripes":
        period = rng.integers(4, 64)
        on = (np.arange(side) // period % 2).astype(bool)
        picture = np.where(on[:, None, None], colour, rng.integers(0, 256, 3)).repeat(side, 1)
        return np.rot90(picture, rng.integers(4)).astype(np.uint8)
    image = Image.new("RGB", (side, side), tuple(int(c) for c in colour))
    if kind != "plain":
        _draw(ImageDraw.Draw(image), rng, side, text=kind == "text")
    return np.asarray(image)


def _draw(draw: ImageDraw.ImageDraw, rng: np.random.Generator, side: int, text: bool) -> None:
    if text:
        draw.rectangle((0, 0, side, side), fill="white")
        ink = tuple(int(c) for c in rng.integers(0, 120, 3))
        size = int(rng.integers(8, 28))
        letters = np.array(list("abcdefghiklmnoprstuvwz    "))
        for top in range(4, side, size + 4):
            line = "".join(rng.choice(letters, rng.integers(5, 60)))
            draw.text((8, top), line, fill=ink, font_size=size)
        return
    for _ in range(rng.integers(1, 9)):
        x, y = rng.uniform(-0.1, 0.9, 2) * side
        width, height = rng.uniform(0.05, 0.7, 2) * side
        fill = tuple(int(c) for c in rng.integers(0, 256, 3)) if rng.random() < 0.7 else None
        shape = rng.choice(["rectangle", "ellipse", "line", "circle"])
        box = (x, y, x + width, y + (width if shape == "circle" else height))
        outline = tuple(int(c) for c in rng.integers(0, 256, 3))
        stroke = int(rng.integers(1, 9))
        if shape == "line":
            draw.line(box, fill=outline, width=stroke)
        elif shape == "rectangle":
            draw.rectangle(box, fill=fill, outline=outline, width=stroke)
        else:
            draw.ellipse(box, fill=fill, outline=outline, width=stroke)
