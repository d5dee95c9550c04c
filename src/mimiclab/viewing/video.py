"""Videos and pictures of a robot trajectory, with a translucent reference over or beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import mujoco
import numpy as np

from mimiclab.errors import MimiclabError
from mimiclab.maths.rotations import quat_rotate, quat_slerp
from mimiclab.robots import Robot
from mimiclab.viewing.camera import View, follow
from mimiclab.viewing.files import save_sheet, write_video
from mimiclab.viewing.overlay import Overlay

_GAP_M = 0.95
"""How far beside the robot its reference stands."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a trajectory is shown."""

    size: tuple[int, int] = (640, 480)
    """Width and height in pixels; both even, as video codecs want."""
    placement: Literal["beside", "over"] = "beside"
    """Reference to the robot's side, or where it really is, over the robot."""
    renderer: Literal["auto", "software", "opengl"] = "auto"
    """auto: MuJoCo's OpenGL renderer where a GPU drives it, else our own."""
    azimuth_deg: float | None = None
    """Heading of the camera; by default it sees the robot's first pose from the front left."""
    title: str = ""
    labels: tuple[str, str] = ("robot", "reference")
    captions: bool = True

    def __post_init__(self) -> None:
        if min(self.size) < 64 or self.size[0] % 2 or self.size[1] % 2:
            raise MimiclabError(
                f"picture size is {self.size[0]}x{self.size[1]}, expected even numbers of at "
                "least 64; 640x480 is usual"
            )


def render_trajectory(
    robot: Robot,
    qpos: np.ndarray,
    path: str | Path,
    *,
    fps: float,
    reference_qpos: np.ndarray | None = None,
    video_fps: float = 25.0,
    look: Look | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write an mp4 (H.264) of a trajectory; it appears at `path` only when complete.

    Args:
        robot: Whose trajectory it is.
        qpos: Root position, root quaternion wxyz and joint angles. Shape (T, 7 + J).
        path: File to write.
        fps: Rate of `qpos`, Hz.
        reference_qpos: Shown translucent; the picture ends with the shorter of the two.
        video_fps: Rate of the video; poses are interpolated in time.
        look: Size, camera, captions.
        progress: Called with frames done and frames in all.

    Raises:
        OutputError: the file cannot be written.
        MimiclabError: arrays that do not fit the robot, or OpenGL demanded where there is none.
    """
    frames = Frames(robot, qpos, fps, reference_qpos, video_fps, look or Look())
    return write_video(
        frames,
        path,
        size=frames.look.size,
        count=len(frames),
        fps=video_fps,
        progress=progress,
    )


def render_picture(
    robot: Robot,
    qpos: np.ndarray,
    path: str | Path,
    *,
    fps: float,
    reference_qpos: np.ndarray | None = None,
    times_s: list[float] | None = None,
    columns: int = 4,
    rows: int = 2,
    look: Look | None = None,
) -> Path:
    """Write a PNG contact sheet of moments spread over a trajectory, or of `times_s`.

    One time gives a single frame. Arguments and errors are those of `render_trajectory`.
    """
    frames = Frames(robot, qpos, fps, reference_qpos, fps, look or Look())
    last = len(frames) - 1
    if times_s is None:
        chosen = np.round(np.linspace(0, last, columns * rows)).astype(int)
    else:
        chosen = np.clip(np.round(np.array(times_s) * fps).astype(int), 0, last)
    return save_sheet([frames[int(index)] for index in chosen], path, columns)


class Frames:
    """The pictures of a trajectory in order; each is drawn when it is asked for."""

    def __init__(
        self,
        robot: Robot,
        qpos: np.ndarray,
        fps: float,
        reference_qpos: np.ndarray | None,
        video_fps: float,
        look: Look,
    ) -> None:
        tracks = [qpos] if reference_qpos is None else [qpos, reference_qpos]
        for track in tracks:
            if np.ndim(track) != 2 or np.shape(track)[1] != robot.model.nq or not len(track):
                raise MimiclabError(
                    f"cannot draw a trajectory of shape {np.shape(track)}: {robot.name} needs "
                    f"(T, {robot.model.nq}) with T >= 1; was it made for another robot?"
                )
        length = min(len(track) for track in tracks)
        duration = (length - 1) / fps
        self.times_s = np.arange(int(duration * video_fps + 1e-6) + 1) / video_fps
        self._tracks = [interpolate(track[:length], fps, self.times_s) for track in tracks]
        scale = robot.default_root_height / 0.76
        beside = look.placement == "beside" and len(tracks) == 2
        self.look = look
        self.view = _view(look, self._tracks[0][0], scale, beside)
        self._data = [mujoco.MjData(robot.model) for _ in tracks]
        self._model = robot.model
        error = self._errors(robot) if len(tracks) == 2 else None
        self._overlay = Overlay(
            title=look.title, labels=look.labels, duration_s=duration, error_mm=error
        )
        self._target = follow(self._tracks[0][:, :2], video_fps)
        if beside:
            shift = self.view.axes[0][:2] * _GAP_M * scale
            self._tracks[1][:, :2] += shift
            self._target = self._target + shift / 2
        self._renderer = make_renderer(robot, look.size, self.view, look.renderer)

    def __len__(self) -> int:
        return len(self.times_s)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame (H, W, 3) uint8."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        for data, track in zip(self._data, self._tracks, strict=True):
            data.qpos[:] = track[index]
            mujoco.mj_kinematics(self._model, data)
        frame = self._renderer.render(self._target[index], *self._data)
        if not self.look.captions:
            return frame
        return self._overlay.draw(frame, index, float(self.times_s[index]))

    def _errors(self, robot: Robot) -> np.ndarray:
        """Mean distance of the tracked bodies from their reference, mm. Shape (frames,)."""
        bodies = [self._model.body(name).id for name in robot.tracked_bodies]
        error = np.empty(len(self))
        for index in range(len(self)):
            for data, track in zip(self._data, self._tracks, strict=True):
                data.qpos[:] = track[index]
                mujoco.mj_kinematics(self._model, data)
            gap = self._data[0].xpos[bodies] - self._data[1].xpos[bodies]
            error[index] = 1e3 * np.linalg.norm(gap, axis=1).mean()
        return error


def interpolate(qpos: np.ndarray, fps: float, times_s: np.ndarray) -> np.ndarray:
    """Poses (N, 7 + J) at `times_s` (N,) of a trajectory (T, 7 + J); ends are held."""
    at = np.clip(times_s * fps, 0, len(qpos) - 1)
    before = np.minimum(at.astype(int), max(len(qpos) - 2, 0))
    after = np.minimum(before + 1, len(qpos) - 1)
    share = at - before
    mixed = qpos[before] + share[:, None] * (qpos[after] - qpos[before])
    mixed[:, 3:7] = quat_slerp(qpos[before, 3:7], qpos[after, 3:7], share)
    return mixed


def make_renderer(robot: Robot, size: tuple[int, int], view: View, kind: str = "auto") -> Any:
    """A renderer with `render(target_xy, robot, ghost=None) -> (H, W, 3) uint8`.

    Raises:
        MimiclabError: `kind` is `opengl` and the machine has none.
    """
    from mimiclab.viewing.opengl import OpenGLRenderer, usable_backend
    from mimiclab.viewing.software import SoftwareRenderer

    backend = None if kind == "software" else usable_backend(on_gpu=kind == "auto")
    if backend is not None:
        return OpenGLRenderer(robot, size, view, backend)
    if kind == "opengl":
        raise MimiclabError(
            "no usable OpenGL here (tried EGL, OSMesa and GLFW); install a driver such as "
            "libegl1 or libosmesa6, or use the software renderer"
        )
    return SoftwareRenderer(robot.model, size, view)


def _view(look: Look, first: np.ndarray, scale: float, beside: bool) -> View:
    """The camera for a robot of `scale` times the G1's size, in its first pose (7 + J,)."""
    ahead = quat_rotate(first[3:7], np.array([1.0, 0.0, 0.0]))
    heading = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
    view = View(azimuth_deg=heading + 215 if look.azimuth_deg is None else look.azimuth_deg)
    distance = (3.5 if beside else 3.3) * scale
    return replace(view, distance=distance, height=view.height * scale)
