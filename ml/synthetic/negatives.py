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
    """One flat drawing, text page, gradient, noise, clouds or plain colour: (side, side, 3)
    uint8."""
    kind = rng.choice(["shapes", "text", "gradient", "noise", "clouds", "plain", "stripes"])
    colour = rng.integers(0, 256, 3)
    if kind == "noise":
        spread = rng.uniform(5, 128)
        picture = rng.normal(colour, spread, (side, side, 3)).clip(0, 255).astype(np.uint8)
        return np.asarray(
            Image.fromarray(picture).filter(
                ImageFilter.GaussianBlur(float(rng.choice([0, 0, 2, 8])))
            )
        )
    if kind == "clouds":
        return _clouds(rng, side)
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


def thing(rng: np.random.Generator, skin: np.ndarray) -> np.ndarray:
    """A thing that is not a lesion on plain ``skin`` (s, s, 3): a flat or shaded disc, with or
    without rim, holes or print, a ring, or a drawn line."""
    side = skin.shape[0]
    scale = 2  # drawn larger, for smooth edges
    image = Image.fromarray(skin).resize((side * scale,) * 2)
    draw = ImageDraw.Draw(image)
    x, y = rng.uniform(0.35, 0.65, 2) * side * scale
    radius = rng.uniform(0.1, 0.4) * side * scale
    low, high = sorted(rng.integers(0, 256, 2).tolist())
    tint = rng.uniform(0.7, 1, 3)

    def disc(part: float, level: float, at: tuple[float, float] = (0, 0)) -> None:
        cx, cy = x + at[0] * radius, y + at[1] * radius
        colour = tuple(int(c) for c in tint * level)
        box = (cx - part * radius, cy - part * radius, cx + part * radius, cy + part * radius)
        draw.ellipse(box, fill=colour)

    kind = rng.choice(["flat", "shaded", "rim", "holes", "print", "ring"])
    if kind == "ring":
        width = int(rng.integers(2, 14)) * scale
        draw.arc((x - radius, y - radius, x + radius, y + radius), 0, 360, (low,) * 3, width)
    else:
        disc(1, high)
    if kind == "shaded":
        for step in np.linspace(1, 0, 30):
            disc(step, low + (high - low) * step, (0.2 * (1 - step), -0.2 * (1 - step)))
    elif kind == "rim":
        disc(rng.uniform(0.7, 0.92), low)
        disc(rng.uniform(0.3, 0.65), high)
    elif kind == "holes":
        for turn in np.arange(4) * np.pi / 2 + rng.uniform(0, 3):
            disc(0.12, low, (0.35 * np.cos(turn), 0.35 * np.sin(turn)))
    elif kind == "print":
        letters = "".join(rng.choice(list("0123456789ABCDE"), 2))
        ink = (int(low),) * 3
        draw.text((x, y), letters, fill=ink, font_size=max(8, radius), anchor="mm")
    small = image.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5))))


def _clouds(rng: np.random.Generator, side: int) -> np.ndarray:
    """Value noise: random grids of doubling fineness, summed with a falling weight."""
    total, fall = np.zeros((side, side, 3)), rng.uniform(0.3, 1.1)
    for octave in range(1, int(rng.integers(4, 9))):
        grid = rng.integers(0, 256, (2**octave, 2**octave, 3), np.uint8)
        if rng.random() < 0.3:
            grid = grid[..., :1].repeat(3, 2)
        fine = Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)
        total += fall**octave * (np.asarray(fine, np.float64) - 128)
    total *= rng.uniform(15, 70) / total.std()
    return (rng.integers(50, 210, 3) + total).clip(0, 255).astype(np.uint8)


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
