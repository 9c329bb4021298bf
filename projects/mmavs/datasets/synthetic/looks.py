"""Appearance of the synthetic classes: an outline filled with a texture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

#: Outline -> test of object coordinates (u right, v down; 1 is the radius).
#: None has thin parts, so masks at a quarter of the size can represent them.
OUTLINES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    'disc': lambda u, v: u**2 + v**2 < 1,
    'square': lambda u, v: np.maximum(abs(u), abs(v)) < 0.8,
    'triangle': lambda u, v: (v < 0.7) & (abs(u) < 0.55 * (v + 1)),
    'cross': lambda u, v: (
        (np.minimum(abs(u), abs(v)) < 0.4) & (np.maximum(abs(u), abs(v)) < 0.9)
    ),
    'ellipse': lambda u, v: u**2 + (v / 0.65) ** 2 < 1,
    'diamond': lambda u, v: abs(u) / 0.85 + abs(v) < 1,
    'half-disc': lambda u, v: (u**2 + v**2 < 1) & (v > -0.2),
    'bar': lambda u, v: (abs(u) < 0.95) & (abs(v) < 0.45),
}

#: Texture -> 1 for pixels in the dark variant of the colour, else 0.
TEXTURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    'plain': lambda u, v: np.zeros_like(u),
    'stripes': lambda u, v: (np.sin(9 * u) > 0.2).astype(float),
    'checks': lambda u, v: (np.sin(7 * u) * np.sin(7 * v) > 0).astype(float),
    'dots': lambda u, v: (np.sin(8 * u) * np.sin(8 * v) > 0.45).astype(float),
}

_DARK = 0.55


def draw_object(
    frame: np.ndarray,
    *,
    centre: tuple[float, float],
    radius: float,
    angle: float,
    outline: str,
    texture: str,
    colour: np.ndarray,
) -> np.ndarray:
    """Draw an object into a frame.

    Args:
        frame (np.ndarray): (size, size, 3) float, RGB 0..255; changed in
            place.
        centre (tuple[float, float]): (x, y) in [0, 1].
        radius (float): As a fraction of the frame's side.
        angle (float): Radians, clockwise.
        outline (str): Key of :data:`OUTLINES`.
        texture (str): Key of :data:`TEXTURES`.
        colour (np.ndarray): (3,) RGB 0..255.

    Returns:
        np.ndarray: (size, size) bool, the object's pixels.
    """
    size = frame.shape[0]
    axis = (np.arange(size) + 0.5) / size
    x = (axis[None, :] - centre[0]) / radius
    y = (axis[:, None] - centre[1]) / radius
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    inside = OUTLINES[outline](u, v)
    dark = TEXTURES[texture](u, v)[inside, None]
    frame[inside] = colour * (1 - (1 - _DARK) * dark)
    return inside


def draw_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a background of soft, greyish clouds with fine noise.

    Args:
        rng (np.random.Generator): Random generator.
        size (int): Side in pixels.

    Returns:
        np.ndarray: (size, size, 3) float, RGB 0..255.
    """
    coarse = rng.uniform(50, 170, (6, 6, 1)) + rng.uniform(-12, 12, (6, 6, 3))
    clouds = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return clouds + rng.normal(0, 6, (size, size, 1))


def hue_to_rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """Convert a colour from HSV to RGB.

    Args:
        hue (float): Degrees.
        saturation (float): In [0, 1].
        value (float): In [0, 1].

    Returns:
        np.ndarray: (3,) float RGB, 0..255.
    """
    hsv = np.array([[[hue % 360, saturation, value]]], dtype=np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(float) * 255
