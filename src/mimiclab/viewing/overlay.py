"""Text and the error strip that lie over a rendered frame."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mimiclab.viewing.style import GHOST_RGB

_INK = (38, 44, 52)
_FAINT = (98, 108, 120)
_PANEL = (255, 255, 255, 165)
_ALARM = (214, 84, 58)


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What is written over the frames of one video."""

    title: str = ""
    labels: tuple[str, str] = ("robot", "reference")
    """Names of the solid and of the translucent figure."""
    duration_s: float = 0.0
    error_mm: np.ndarray | None = None
    """Error over the whole video, drawn as a strip that a cursor runs along. Shape (frames,)."""
    error_label: str = "mean body error"

    def draw(self, frame: np.ndarray, index: int, time_s: float) -> np.ndarray:
        """The frame (H, W, 3) uint8 with text; `index` counts the video's frames."""
        picture = Image.fromarray(frame)
        height, width = frame.shape[:2]
        unit = height / 480
        pen = ImageDraw.Draw(picture, "RGBA")
        large, small = _font(round(17 * unit), bold=True), _font(round(13 * unit))
        margin = round(14 * unit)
        if self.title:
            pen.text((margin, margin), self.title, _INK, large)
        if self.error_mm is not None:
            self._legend(pen, width - margin, margin, small, unit)
        clock = f"{time_s:5.2f} s"
        if self.duration_s > 0:
            clock += f" / {self.duration_s:.2f} s"
        pen.text((margin, height - margin), clock, _INK, small, anchor="ls")
        self._strip(pen, (width, height), margin, index, small, unit)
        return np.asarray(picture)

    def _legend(self, pen, right: int, top: int, font, unit: float) -> None:
        ghost = tuple(round(255 * c) for c in GHOST_RGB)
        for row, (label, color) in enumerate(zip(self.labels, (_INK, ghost), strict=True)):
            y = top + round((9 + 19 * row) * unit)
            pen.text((right, y), label, _INK, font, anchor="rm")
            left = right - round(pen.textlength(label, font)) - round(11 * unit)
            reach = round(4.5 * unit)
            pen.ellipse((left - reach, y - reach, left + reach, y + reach), fill=color)

    def _strip(self, pen, size: tuple[int, int], margin: int, index: int, font, unit) -> None:
        """Error over time as a filled curve at the foot of the picture."""
        if self.error_mm is None or len(self.error_mm) < 2:
            return
        width, height = size
        left, right = round(0.42 * width), width - margin
        bottom, top = height - margin, height - margin - round(22 * unit)
        pen.rounded_rectangle(
            (left - 8 * unit, top - 20 * unit, right + 6 * unit, bottom + 6 * unit),
            radius=6 * unit,
            fill=_PANEL,
        )
        now = float(self.error_mm[index])
        pen.text((left, top - round(10 * unit)), self.error_label, _FAINT, font, anchor="lm")
        pen.text((right, top - round(10 * unit)), f"{now:.0f} mm", _INK, font, anchor="rm")
        # A perfect run must look flat, not like magnified noise: the scale is never below 5 cm.
        scale = max(50.0, float(self.error_mm.max()))
        x = np.linspace(left, right, len(self.error_mm))
        y = bottom - (bottom - top) * np.clip(self.error_mm / scale, 0, 1)
        line = list(zip(x.tolist(), y.tolist(), strict=True))
        pen.polygon([(left, bottom), *line, (right, bottom)], fill=(98, 108, 120, 46))
        pen.line(line[: index + 1] if index else line[:1] * 2, fill=_ALARM, width=round(2 * unit))
        pen.line((x[index], top, x[index], bottom), fill=_INK, width=max(1, round(unit)))


@lru_cache(maxsize=16)
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A font that matplotlib ships, so that pictures look the same on every machine."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
