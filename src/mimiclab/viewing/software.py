"""A small renderer in NumPy: pictures of robots on machines without any OpenGL.

Triangles are rasterised at twice the resolution and averaged; light is a sun, a sky and a rim;
crevices and feet get their dark edges by unsharp masking of the depth (Luft et al. 2006).
"""

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np

from mimiclab.viewing.camera import View
from mimiclab.viewing.filters import average_pairs, blur
from mimiclab.viewing.floor import Floor
from mimiclab.viewing.meshes import body_meshes
from mimiclab.viewing.rasterize import rasterize
from mimiclab.viewing.style import GHOST_RGB, linear, to_bytes

_SAMPLES = 2
"""Samples along each side of a pixel."""
_NEAR = 0.1
"""Nothing closer to the camera than this is drawn, m."""


@dataclass(frozen=True)
class Surface:
    """The whole robot as one mesh whose vertices and faces belong to bodies."""

    vertices: np.ndarray
    """In their bodies' frames, one body after the other. Shape (V, 3)."""
    parts: tuple[tuple[int, slice], ...]
    """Bodies, and which vertices are theirs."""
    faces: np.ndarray
    normals: np.ndarray
    """In the frames of `face_body`. Shape (F, 3)."""
    face_body: np.ndarray
    colors: np.ndarray
    """Light that a face returns. Shape (F, 3)."""

    @classmethod
    def of(cls, model: mujoco.MjModel, cell: float) -> "Surface":
        """Collect the visible meshes of `model`, simplified to `cell` metres."""
        meshes = body_meshes(model, cell)
        ends = np.cumsum([len(mesh.vertices) for mesh in meshes]).tolist()
        starts = [0, *ends[:-1]]
        return cls(
            vertices=np.concatenate([mesh.vertices for mesh in meshes]),
            parts=tuple(
                (mesh.body, slice(start, end))
                for mesh, start, end in zip(meshes, starts, ends, strict=True)
            ),
            faces=np.concatenate([m.faces + at for m, at in zip(meshes, starts, strict=True)]),
            normals=np.concatenate([mesh.normals for mesh in meshes]),
            face_body=np.repeat([m.body for m in meshes], [len(m.faces) for m in meshes]),
            colors=linear(np.concatenate([mesh.colors for mesh in meshes])),
        )

    def posed_vertices(self, data: mujoco.MjData) -> np.ndarray:
        """World positions (V, 3)."""
        placed = np.empty_like(self.vertices)
        for body, part in self.parts:
            rotation = data.xmat[body].reshape(3, 3).astype(np.float32)
            placed[part] = self.vertices[part] @ rotation.T + data.xpos[body].astype(np.float32)
        return placed

    def posed_normals(self, data: mujoco.MjData, faces: np.ndarray) -> np.ndarray:
        """World normals of some faces (N, 3)."""
        rotation = data.xmat.reshape(-1, 3, 3).astype(np.float32)[self.face_body[faces]]
        return np.einsum("fij,fj->fi", rotation, self.normals[faces])


@dataclass(frozen=True)
class _Layer:
    """Samples of one figure inside a rectangle of the supersampled image."""

    top: int
    left: int
    color: np.ndarray
    alpha: np.ndarray
    inverse_depth: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


class SoftwareRenderer:
    """Draws a robot, and if wanted a translucent reference, over a floor.

    Frames do not depend on each other, so several threads may call `render` at once.
    """

    name = "software"

    def __init__(self, model: mujoco.MjModel, size: tuple[int, int], view: View) -> None:
        self.model = model
        self.width, self.height = size
        self.view = view
        self._floor = Floor(size, view)
        pixel = view.distance / view.focal_px(self.height)
        self._robot = Surface.of(model, 1.4 * pixel)
        self._cell = pixel

    @cached_property
    def _ghost(self) -> Surface:
        return Surface.of(self.model, 2.0 * self._cell)

    def render(
        self, target_xy: np.ndarray, robot: mujoco.MjData, ghost: mujoco.MjData | None = None
    ) -> np.ndarray:
        """One frame, looking at `target_xy`. Shape (H, W, 3) uint8.

        Body poses must be current (`mj_kinematics`).
        """
        figures = [(self._robot, robot, False)]
        if ghost is not None:
            figures.append((self._ghost, ghost, True))
        layers, casters = [], []
        for surface, data, is_ghost in figures:
            vertices = surface.posed_vertices(data)
            layer = self._draw(surface, vertices, data, target_xy, is_ghost)
            if layer is not None:
                layers.append(layer)
            casters.append((vertices, 0.3 if is_ghost else 1.0))
        image = self._floor.render(target_xy, casters)
        return to_bytes(self._compose(image, layers))

    def _draw(
        self,
        surface: Surface,
        vertices: np.ndarray,
        data: mujoco.MjData,
        target_xy: np.ndarray,
        is_ghost: bool,
    ) -> _Layer | None:
        height, width = self.height * _SAMPLES, self.width * _SAMPLES
        axes = self.view.axes.astype(np.float32)
        seen = (vertices - self.view.eye(target_xy).astype(np.float32)) @ axes.T
        inverse = np.where(seen[:, 2] > _NEAR, 1 / np.maximum(seen[:, 2], _NEAR), np.float32(-1))
        focal = np.float32(self.view.focal_px(height))
        xy = seen[:, :2] * (np.abs(inverse) * focal)[:, None]
        xy += np.array([width / 2, height / 2], np.float32)
        # Even corners, so that every final pixel lies wholly inside or outside of the window.
        low = np.clip(np.floor(xy.min(axis=0)) - 4, 0, (width, height)).astype(int) // 2 * 2
        high = np.clip(np.ceil(xy.max(axis=0)) + 5, 0, (width, height)).astype(int) // 2 * 2
        if (high <= low).any():
            return None
        shape = int(high[1] - low[1]), int(high[0] - low[0])
        number, depth = rasterize(xy - low.astype(np.float32), inverse, surface.faces, shape)
        # Only faces that are seen are shaded; the last entry of each table is for empty samples.
        mark = np.zeros(len(surface.faces) + 1, bool)
        mark[number] = True
        used = np.flatnonzero(mark[:-1])
        color = np.zeros((len(mark), 3), np.float32)
        alpha = np.zeros(len(mark), np.float32)
        towards = -axes[2]
        normals = surface.posed_normals(data, used)
        facing = np.clip(normals @ towards, 0, 1)
        if is_ghost:
            light = 0.55 + 0.45 * np.clip(normals @ self.view.sun, 0, 1)
            color[used] = linear(np.array(GHOST_RGB)) * light[:, None]
            alpha[used] = 0.38 + 0.45 * (1 - facing) ** 2
        else:
            color[used] = _shade(surface.colors[used], normals, facing, self.view)
            alpha[used] = 1
        samples = color[number]
        if not is_ghost:
            samples *= _crevices(depth)[..., None]
        return _Layer(int(low[1]), int(low[0]), samples, alpha[number], depth)

    def _compose(self, image: np.ndarray, layers: list[_Layer]) -> np.ndarray:
        """Lay the robot over the floor, then whatever of the ghost is in front of the robot."""
        shape = self.height * _SAMPLES, self.width * _SAMPLES
        nearest = np.zeros(shape, np.float32)
        for layer in layers:
            alpha = layer.alpha
            behind = nearest[layer.window]
            if behind.any():
                # A reference that coincides with the robot fades out instead of flickering.
                gap = 1 / np.maximum(behind, 0.02) - 1 / np.maximum(layer.inverse_depth, 0.02)
                alpha = alpha * np.where(behind > 0, np.clip(gap / 0.03, 0, 1), 1)
            np.copyto(behind, np.maximum(behind, layer.inverse_depth))
            rows, columns = (slice(s.start // 2, s.stop // 2) for s in layer.window)
            coverage = average_pairs(alpha[..., None])
            image[rows, columns] *= 1 - coverage
            image[rows, columns] += average_pairs(layer.color * alpha[..., None])
        return image


def _shade(color: np.ndarray, normal: np.ndarray, facing: np.ndarray, view: View) -> np.ndarray:
    """Light leaving faces of `color` (F, 3) towards the camera."""
    sun = np.clip(normal @ view.sun, 0, 1)[:, None]
    up = 0.5 + 0.5 * normal[:, 2:]
    sky = up * np.array([0.80, 0.88, 1.0]) + (1 - up) * np.array([0.42, 0.39, 0.36])
    half = view.sun - view.axes[2]
    gloss = 0.22 * np.clip(normal @ (half / np.linalg.norm(half)), 0, 1)[:, None] ** 24
    rim = 0.10 * ((1 - facing) ** 3)[:, None]
    return color * (0.55 * sky + 1.25 * sun * np.array([1.0, 0.97, 0.92])) + gloss + rim * sky


def _crevices(inverse_depth: np.ndarray) -> np.ndarray:
    """Factor below 1 where a surface lies behind its surroundings in the picture."""
    depth = np.where(inverse_depth > 0, 1 / np.maximum(inverse_depth, 1e-3), 0)
    solid = (inverse_depth > 0).astype(np.float32)
    around = blur(depth, 9) / np.maximum(blur(solid, 9), 1e-3)
    return 1 - np.clip((depth - around) / 0.06, 0, 1) * 0.55 * solid
