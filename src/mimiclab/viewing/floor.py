"""The floor under the robot: grid, soft shadow, and a horizon that fades into the sky."""

import numpy as np

from mimiclab.viewing.camera import View
from mimiclab.viewing.filters import blur
from mimiclab.viewing.style import linear

_SKY_TOP = (0.70, 0.78, 0.86)
_SKY_HORIZON = (0.91, 0.93, 0.95)
_FLOOR = (0.86, 0.875, 0.895)
_DARK_TILE = 0.875
_LINE = 0.60
"""Light of the floor's darker tiles and lines as shares of that of its bright tiles."""
_TILE_M = 0.5
_LINE_M = 0.006
_CELL = 0.02
"""Resolution of the shadow, m."""
_MARGIN = 0.4
"""Empty border of the shadow map, m; the blur needs it."""


class Floor:
    """The plane z = 0. All that depends on the camera's direction alone is computed once."""

    def __init__(self, size: tuple[int, int], view: View) -> None:
        width, height = size
        axes = view.axes
        self._slope = (view.sun[:2] / view.sun[2]).astype(np.float32)
        focal = view.focal_px(height)
        x = (np.arange(width) + 0.5 - width / 2) / focal
        y = (np.arange(height) + 0.5 - height / 2) / focal
        ray = x[None, :, None] * axes[0] + y[:, None, None] * axes[1] + axes[2]
        eye = view.eye(np.zeros(2))
        slope = ray[..., 2] / np.linalg.norm(ray, axis=-1)
        up = np.clip(slope / 0.5, 0, 1)[..., None] ** 0.7
        self._sky = (linear(_SKY_HORIZON) * (1 - up) + linear(_SKY_TOP) * up).astype(np.float32)
        # Rows whose every ray meets the floor within 40 m; the rest has faded away anyway.
        reach = np.where(ray[..., 2] < -1e-3, eye[2] / np.maximum(-ray[..., 2], 1e-3), np.inf)
        self._first_row = int(np.argmax((reach < 40).all(axis=1))) if (reach < 40).any() else height
        reach = reach[self._first_row :]
        hit = eye[:2] + reach[..., None] * ray[self._first_row :, :, :2]
        self._hit = hit.astype(np.float32)
        distance = np.linalg.norm(hit, axis=-1)
        clear = np.exp(-((distance / 7.0) ** 2)).astype(np.float32)[..., None]
        self._tint = clear * linear(_FLOOR)
        self._sky[self._first_row :] *= 1 - clear
        # Size of a pixel on the floor, across and along the view: the width to blur edges over.
        across = reach / focal
        along = across * reach / max(eye[2], 0.1)
        heading = axes[2][:2] / np.linalg.norm(axes[2][:2])
        self._pixel = [
            np.maximum(across * abs(heading[1 - i]) + along * abs(heading[i]), 1e-3)
            for i in range(2)
        ]
        self._pixel = [pixel.astype(np.float32) for pixel in self._pixel]
        # A line's share of a pixel is a - b * (distance from its middle), at most c.
        half = [pixel / 2 for pixel in self._pixel]
        self._line = [
            ((_LINE_M + w) / (2 * w), 1 / (2 * w), np.minimum(1, 2 * _LINE_M / w)) for w in half
        ]

    def render(self, target_xy: np.ndarray, casters: list[tuple[np.ndarray, float]]) -> np.ndarray:
        """Light of the empty scene with the shadows of `casters`. Shape (H, W, 3) float32.

        Args:
            target_xy: The point that the camera looks at, m.
            casters: Vertices (V, 3) that throw a shadow, and its strength in 0..1.
        """
        image = self._sky.copy()
        if self._first_row == len(image):
            return image
        place = self._hit + np.asarray(target_xy, np.float32)
        x, y = (
            _square_wave(place[..., i] / np.float32(_TILE_M), self._pixel[i] / np.float32(_TILE_M))
            for i in range(2)
        )
        tone = np.float32((1 - _DARK_TILE) / 2) * (x * y) + np.float32((1 + _DARK_TILE) / 2)
        line = np.zeros_like(tone)
        for i in range(2):
            off = np.abs(place[..., i] - np.rint(place[..., i]))
            cover = np.clip(self._line[i][0] - off * self._line[i][1], 0, self._line[i][2])
            np.maximum(line, cover, out=line)
        tone *= 1 - np.float32(1 - _LINE) * line
        if casters:
            tone *= 1 - _shadow(casters, place, self._slope)
        image[self._first_row :] += self._tint * tone[..., None]
        return image


def _square_wave(x: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """Mean over a pixel of a wave that is +1 for x in [0, 1), -1 in [1, 2), and so on."""
    # The wave's integral is the distance to the nearest even number.
    ahead, behind = x + pixel / 2, x - pixel / 2
    ahead = np.abs(ahead - 2 * np.rint(ahead / 2))
    behind = np.abs(behind - 2 * np.rint(behind / 2))
    return (ahead - behind) / pixel


def _shadow(
    casters: list[tuple[np.ndarray, float]], place: np.ndarray, slope: np.ndarray
) -> np.ndarray:
    """Darkness in 0..1 at floor points (h, w, 2): sharp near the feet, soft farther up."""
    landings = [vertices[:, :2] - vertices[:, 2:] * slope for vertices, _ in casters]
    low = np.min([landing.min(axis=0) for landing in landings], axis=0) - _MARGIN
    high = np.max([landing.max(axis=0) for landing in landings], axis=0) + _MARGIN
    shape = tuple(np.ceil((high - low) / _CELL).astype(int) + 1)
    light = np.ones(shape, np.float32)
    for (vertices, strength), landing in zip(casters, landings, strict=True):
        for bottom, top, reach, darkness in (
            (-9, 0.15, 1, 0.8),
            (0.15, 0.6, 2, 0.6),
            (0.6, 99, 5, 0.5),
        ):
            layer = (vertices[:, 2] >= bottom) & (vertices[:, 2] < top)
            cell = ((landing[layer] - low) / _CELL).astype(int)
            count = np.bincount(cell[:, 0] * shape[1] + cell[:, 1], minlength=shape[0] * shape[1])
            cover = np.minimum(count.reshape(shape), 2).astype(np.float32) / 2
            light *= 1 - strength * darkness * blur(blur(cover, reach), reach)
    where = (place - low.astype(np.float32)) / np.float32(_CELL) - np.float32(0.5)
    row, column = where[..., 0], where[..., 1]
    inside = (row >= 0) & (column >= 0) & (row < shape[0] - 1) & (column < shape[1] - 1)
    row, column = row[inside], column[inside]
    r, c = row.astype(int), column.astype(int)
    fr, fc = row - r, column - c
    upper = light[r, c] * (1 - fc) + light[r, c + 1] * fc
    lower = light[r + 1, c] * (1 - fc) + light[r + 1, c + 1] * fc
    dark = np.zeros(place.shape[:2], np.float32)
    dark[inside] = 1 - (upper * (1 - fr) + lower * fr)
    return dark
