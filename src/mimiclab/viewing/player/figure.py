"""A robot in the browser's scene: one node for each body, moved as a whole."""

import mujoco
import numpy as np
import trimesh
import trimesh.visual
import trimesh.visual.material
import viser

from mimiclab.viewing.meshes import BodyMesh, body_meshes
from mimiclab.viewing.style import linear


class Figure:
    """The visible meshes of a model under one scene node."""

    def __init__(
        self,
        server: viser.ViserServer,
        model: mujoco.MjModel,
        name: str,
        *,
        color: tuple[float, float, float] | None = None,
        opacity: float = 1.0,
        cell: float = 0.005,
        shrink: float = 0.0,
    ) -> None:
        """Send the meshes; `color` and `opacity` replace the model's own.

        `shrink` moves the surface inwards, m: two figures in one pose then hide one another
        instead of flickering.
        """
        self._server = server
        self._model = model
        self._data = mujoco.MjData(model)
        self._bodies = []
        self.root = server.scene.add_frame(name, show_axes=False)
        for mesh in body_meshes(model, cell):
            body = f"{name}/{model.body(mesh.body).name}"
            node = server.scene.add_frame(body, show_axes=False)
            self._bodies.append((mesh.body, node))
            shades, which = np.unique(mesh.colors, axis=0, return_inverse=True)
            for number, shade in enumerate(shades):
                server.scene.add_mesh_trimesh(
                    f"{body}/{number}",
                    _paint(mesh, which.ravel() == number, color or tuple(shade), opacity, shrink),
                    cast_shadow=opacity == 1,
                    receive_shadow=False,
                )

    @property
    def visible(self) -> bool:
        """Whether it is drawn."""
        return self.root.visible

    @visible.setter
    def visible(self, value: bool) -> None:
        self.root.visible = value

    def remove(self) -> None:
        """Take it out of the scene."""
        self.root.remove()

    def pose(self, qpos: np.ndarray) -> None:
        """Move all bodies to a generalised position (7 + J,)."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        with self._server.atomic():
            for body, node in self._bodies:
                node.position = self._data.xpos[body]
                node.wxyz = self._data.xquat[body]


def _paint(
    mesh: BodyMesh, faces: np.ndarray, color: tuple[float, ...], opacity: float, shrink: float
) -> trimesh.Trimesh:
    """Some faces of a mesh with one material. Corners are not shared, so that edges stay sharp."""
    corners = mesh.faces[faces].ravel()
    normals = mesh.corner_normals[faces].reshape(-1, 3)
    material = trimesh.visual.material.PBRMaterial(
        baseColorFactor=[*linear(color).tolist(), opacity],
        metallicFactor=0.15,
        roughnessFactor=0.55,
        alphaMode="OPAQUE" if opacity == 1 else "BLEND",
    )
    return trimesh.Trimesh(
        mesh.vertices[corners] - shrink * normals,
        np.arange(len(corners)).reshape(-1, 3),
        vertex_normals=normals,
        visual=trimesh.visual.TextureVisuals(material=material),
        process=False,
    )
