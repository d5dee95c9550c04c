"""The reference of N environments at their present times, looked up once in a control step."""

from dataclasses import replace
from typing import Any

import torch

from mimiclab.motions.library import MotionFrame, MotionLibrary


class ReferenceView:
    """What the clips say: `frame` now, and `ahead` of now. Environment origins are included.

    Valid until the next `update`; an object with the same two members that changes what it shows is
    `received.ReceivedReference`.
    """

    def __init__(self, library: MotionLibrary, scene: Any, step_s: float) -> None:
        """`scene` is mjlab's, whose `env_origins` (N, 3) are added to positions."""
        self.library = library
        self.step_s = step_s
        self.on_grid = library.has_fps(round(1.0 / step_s, 9))
        """Whether all times are on stored frames, which saves half of a lookup."""
        self._scene = scene
        self._ahead: dict[tuple[float, ...], MotionFrame] = {}
        self._offsets: dict[tuple[float, ...], torch.Tensor] = {}

    def update(self, clip: torch.Tensor, time_s: torch.Tensor) -> None:
        """Move to these clips and times, both (N,)."""
        self.clip, self.time_s = clip, time_s
        self.frame = self.at(time_s, False if self.on_grid else None)
        """The reference now, shapes (N, ...)."""
        self._ahead.clear()

    def ahead(self, offsets_s: tuple[float, ...]) -> MotionFrame:
        """The reference at times from now, shapes (N, H, ...); the last frame is held."""
        if offsets_s not in self._ahead:
            self._ahead[offsets_s] = self.ahead_of(self.time_s, offsets_s)
        return self._ahead[offsets_s]

    def at(self, time_s: torch.Tensor, interpolate: bool | None) -> MotionFrame:
        """The clips at other times (N,); see `MotionLibrary.frames` for `interpolate`."""
        frame = self.library.frames(self.clip, time_s, interpolate)
        return replace(frame, body_pos_w=frame.body_pos_w + self._scene.env_origins[:, None])

    def ahead_of(self, time_s: torch.Tensor, offsets_s: tuple[float, ...]) -> MotionFrame:
        """The clips at times from other times (N,), shapes (N, H, ...)."""
        if offsets_s not in self._offsets:
            tensor = torch.tensor(offsets_s, dtype=torch.float64, device=time_s.device)
            self._offsets[offsets_s] = tensor
        frame = self.library.horizon(self.clip, time_s, self._offsets[offsets_s])
        origins = self._scene.env_origins[:, None, None]
        return replace(frame, body_pos_w=frame.body_pos_w + origins)
