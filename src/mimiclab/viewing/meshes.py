"""Triangle meshes of a MuJoCo model's visible geoms, one per body, light enough to draw quickly."""

from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.maths.rotations import quat_to_matrix

_VISIBLE_GROUPS = 3
"""MuJoCo draws geom groups 0, 1 and 2 unless told otherwise."""


@dataclass(frozen=True)
class BodyMesh:
    """What is visible of one body, in the body's frame."""

    body: int
    """Body index in the model."""
    vertices: np.ndarray
    """Positions, m. Shape (V, 3) float32."""
    faces: np.ndarray
    """Vertex indices, anticlockwise seen from outside. Shape (F, 3) int32."""
    corner_normals: np.ndarray
    """Smoothed outward unit normal at each corner of each face. Shape (F, 3, 3) float32."""
    colors: np.ndarray
    """Red, green, blue of each face in 0..1, as MuJoCo's models give them. Shape (F, 3) float32."""

    @property
    def normals(self) -> np.ndarray:
        """Smoothed outward unit normal of each face. Shape (F, 3) float32."""
        return _unit(self.corner_normals.sum(axis=1))


def body_meshes(model: mujoco.MjModel, cell: float = 0.006) -> list[BodyMesh]:
    """The visible geoms of every moving body, merged, with details below `cell` metres removed.

    Details are removed by clustering: vertices of one geom that share a cell of a cubic grid become
    one vertex at their mean (Rossignac and Borrel 1993), and triangles that collapse disappear.
    """
    parts: dict[int, list] = {}
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        color = _geom_color(model, geom)
        visible = model.geom_group[geom] < _VISIBLE_GROUPS and color[3] > 0
        if body == 0 or not visible:
            continue
        vertices, faces = _geom_mesh(model, geom)
        if not len(faces):
            continue
        rotation = quat_to_matrix(model.geom_quat[geom])
        vertices = vertices @ rotation.T + model.geom_pos[geom]
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH:
            vertices, faces, normals = cluster(vertices, faces, cell)
        else:
            normals = np.repeat(_face_normals(vertices, faces)[:, None], 3, axis=1)
        parts.setdefault(body, []).append((vertices, faces, normals, color[:3]))
    return [_merge(body, pieces) for body, pieces in sorted(parts.items())]


def cluster(
    vertices: np.ndarray, faces: np.ndarray, cell: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simplify a mesh on a grid of `cell` metres.

    Returns:
        Vertices (V, 3), faces (F, 3), and for each corner (F, 3, 3) the unit mean of the
        area-weighted normals of the original triangles around it, so that a coarse mesh is shaded
        like the fine one.
    """
    keys = np.floor(vertices / cell).astype(np.int64)
    keys -= keys.min(axis=0)
    span = keys.max(axis=0) + 1
    flat = (keys[:, 0] * span[1] + keys[:, 1]) * span[2] + keys[:, 2]
    _, group = np.unique(flat, return_inverse=True)
    count = np.bincount(group)
    merged = np.stack([np.bincount(group, vertices[:, i]) / count for i in range(3)], axis=1)

    # Normals are averaged apart for each main direction, or sharp edges would look like putty.
    area = np.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    axis = np.argmax(np.abs(area), axis=1)
    side = axis * 2 + (np.take_along_axis(area, axis[:, None], axis=1)[:, 0] < 0)
    coarse = group[faces]
    slot = coarse * 6 + side[:, None]
    sums = np.stack(
        [
            np.bincount(slot.ravel(), np.repeat(area[:, i], 3), minlength=len(merged) * 6)
            for i in range(3)
        ],
        axis=1,
    )
    alive = (
        (coarse[:, 0] != coarse[:, 1])
        & (coarse[:, 1] != coarse[:, 2])
        & (coarse[:, 2] != coarse[:, 0])
    )
    _, first = np.unique(np.sort(coarse[alive], axis=1), axis=0, return_index=True)
    kept = np.flatnonzero(alive)[first]
    return merged, coarse[kept], _unit(sums[slot[kept]])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _face_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return _unit(np.cross(b - a, c - a))


def _merge(body: int, pieces: list) -> BodyMesh:
    offsets = np.cumsum([0] + [len(piece[0]) for piece in pieces])
    return BodyMesh(
        body=body,
        vertices=np.concatenate([piece[0] for piece in pieces]).astype(np.float32),
        faces=np.concatenate(
            [piece[1] + offset for piece, offset in zip(pieces, offsets, strict=False)]
        ).astype(np.int32),
        corner_normals=np.concatenate([piece[2] for piece in pieces]).astype(np.float32),
        colors=np.concatenate(
            [np.broadcast_to(piece[3], (len(piece[1]), 3)) for piece in pieces]
        ).astype(np.float32),
    )


def _geom_color(model: mujoco.MjModel, geom: int) -> np.ndarray:
    material = model.geom_matid[geom]
    return model.mat_rgba[material] if material >= 0 else model.geom_rgba[geom]


def _geom_mesh(model: mujoco.MjModel, geom: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces in the geom's frame; empty for planes and height fields."""
    kind, size = mujoco.mjtGeom(model.geom_type[geom]), model.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        start, number = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
        return (
            np.asarray(model.mesh_vert[first : first + count], np.float64),
            np.asarray(model.mesh_face[start : start + number], np.int64),
        )
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return _revolve(*_arc(size[0], 0.0))
    if kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        vertices, faces = _revolve(*_arc(1.0, 0.0))
        return vertices * size, faces
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return _revolve(*_arc(size[0], size[1]))
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        radius, half = size[:2]
        return _revolve(np.array([0.0, radius, radius, 0.0]), np.array([-half, -half, half, half]))
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
        return corners * size, np.array(faces)
    return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


def _arc(radius: float, half_length: float, rings: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Radii and heights of a capsule's outline from the south to the north pole."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings)
    return radius * np.cos(angle), radius * np.sin(angle) + half_length * np.sign(angle)


def _revolve(radii: np.ndarray, heights: np.ndarray, sides: int = 20) -> tuple:
    """Surface made by turning an outline, listed upwards, about z."""
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    vertices = np.stack(
        [
            radii[:, None] * np.cos(turn),
            radii[:, None] * np.sin(turn),
            np.broadcast_to(heights[:, None], (len(radii), sides)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    ring, here = np.divmod(np.arange((len(radii) - 1) * sides), sides)
    a, b = ring * sides + here, ring * sides + (here + 1) % sides
    # At a pole one triangle of each pair has no area.
    lower, upper = radii[ring] > 1e-9, radii[ring + 1] > 1e-9
    first = np.stack([a, b, b + sides], axis=1)[lower]
    second = np.stack([a, b + sides, a + sides], axis=1)[upper]
    return vertices, np.concatenate([first, second])
