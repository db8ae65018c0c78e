"""Pictures of synthetic items: a colored shape over stripes, as PNG."""

import colorsys
import io
import math

import numpy as np
import PIL.Image
import PIL.ImageDraw

_NUM_HUES = 10
_SHAPES = ("circle", "square", "triangle", "ring", "cross")
_OVERSAMPLING = 2


def draw_picture(
    cluster: int, details: np.ndarray, rng: np.random.Generator, *, size: int = 64
) -> bytes:
    """Draws an item's picture.

    Args:
        cluster: the hue and shape, from 0 to 9.
        details: the size of the shape and the number of stripes, `[2]` in [-1, 1].
        rng: draws position, tint and grain, which are noise.
        size: the width and height in pixels.

    Returns:
        A PNG file.

    Examples:
        >>> draw_picture(3, np.zeros(2), np.random.default_rng(0))[1:4]
        b'PNG'
    """
    hue = (cluster + rng.uniform(-0.2, 0.2)) / _NUM_HUES
    side = size * _OVERSAMPLING
    canvas = PIL.Image.fromarray(_stripes(side, 5.0 + 4.0 * details[1], rng))
    radius = side * (0.25 + 0.12 * details[0])
    x, y = rng.uniform(side * 0.38, side * 0.62, 2)
    fill = _rgb(hue, rng.uniform(0.75, 1.0), rng.uniform(0.75, 0.95))
    _draw_shape(PIL.ImageDraw.Draw(canvas), _SHAPES[cluster % len(_SHAPES)], (x, y), radius, fill)
    small = canvas.resize((size, size), PIL.Image.Resampling.BOX)
    grain = rng.normal(0.0, 6.0, [size, size, 1])
    pixels = np.clip(np.asarray(small, np.float64) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def _stripes(side: int, num_stripes: float, rng: np.random.Generator) -> np.ndarray:
    """Draws slanted gray stripes, uint8 `[side, side, 3]`."""
    angle, phase = rng.uniform(0.0, math.pi), rng.uniform(0.0, 1.0)
    y, x = np.mgrid[0:side, 0:side] / side
    wave = (x * math.cos(angle) + y * math.sin(angle)) * num_stripes + phase
    grey = np.where(wave % 1.0 < 0.5, 70, 150).astype(np.uint8)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _draw_shape(
    draw: PIL.ImageDraw.ImageDraw,
    shape: str,
    centre: tuple[float, float],
    radius: float,
    fill: tuple[int, int, int],
) -> None:
    x, y = centre
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        draw.ellipse(box, fill=fill)
    elif shape == "ring":
        draw.ellipse(box, outline=fill, width=max(1, round(radius * 0.4)))
    elif shape == "square":
        draw.rectangle(box, fill=fill)
    elif shape == "triangle":
        draw.polygon([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], fill)
    else:
        arm = radius * 0.35
        draw.rectangle((x - radius, y - arm, x + radius, y + arm), fill=fill)
        draw.rectangle((x - arm, y - radius, x + arm, y + radius), fill=fill)
