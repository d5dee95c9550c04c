import mujoco
import numpy as np
import pytest

from mimiclab.viewing.meshes import body_meshes, cluster


def one_geom(xml: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(
        f"<mujoco><worldbody><body><joint type='free'/>{xml}</body></worldbody></mujoco>"
    )


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed volume by the divergence theorem: positive if all faces look outwards."""
    a, b, c = (vertices[faces[:, i]].astype(float) for i in range(3))
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("geom", "expected"),
    [
        ("type='sphere' size='.2'", 4 / 3 * np.pi * 0.2**3),
        ("type='box' size='.1 .2 .3'", 8 * 0.1 * 0.2 * 0.3),
        ("type='ellipsoid' size='.1 .2 .3'", 4 / 3 * np.pi * 0.1 * 0.2 * 0.3),
        ("type='cylinder' size='.1 .3'", np.pi * 0.1**2 * 0.6),
        ("type='capsule' size='.1 .3'", np.pi * 0.1**2 * 0.6 + 4 / 3 * np.pi * 0.1**3),
    ],
)
def test_primitives_are_closed_and_look_outwards(geom, expected):
    (mesh,) = body_meshes(one_geom(f"<geom {geom} pos='1 2 3' euler='30 40 50'/>"))
    assert volume(mesh.vertices - (1, 2, 3), mesh.faces) == pytest.approx(expected, rel=0.06)
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)


def test_invisible_and_fixed_geoms_are_left_out():
    hidden = "<geom size='.1' group='3'/><geom size='.1' rgba='1 1 1 0'/>"
    assert (
        body_meshes(one_geom(hidden + "<inertial pos='0 0 0' mass='1' diaginertia='1 1 1'/>")) == []
    )
    floor = "<mujoco><worldbody><geom type='plane' size='1 1 1'/></worldbody></mujoco>"
    assert body_meshes(mujoco.MjModel.from_xml_string(floor)) == []


def test_geom_colours_reach_their_faces():
    red, blue = "<geom size='.1' rgba='1 0 0 1'/>", "<geom size='.1' pos='1 0 0' rgba='0 0 1 1'/>"
    (mesh,) = body_meshes(one_geom(red + blue))
    centre = mesh.vertices[mesh.faces].mean(axis=1)
    assert np.array_equal(mesh.colors, np.where(centre[:, :1] < 0.5, [1, 0, 0], [0, 0, 1]))


def test_clustering_keeps_shape_and_shading_while_it_removes_detail(g1):
    model = g1.model
    start, count = model.mesh_vertadr[0], model.mesh_vertnum[0]
    first, number = model.mesh_faceadr[0], model.mesh_facenum[0]
    vertices = model.mesh_vert[start : start + count].astype(float)
    faces = model.mesh_face[first : first + number].astype(int)
    cell = 0.006
    coarse, coarse_faces, normals = cluster(vertices, faces, cell)
    assert len(coarse_faces) < 0.5 * len(faces)
    assert np.allclose(coarse.min(axis=0), vertices.min(axis=0), atol=cell)
    assert np.allclose(coarse.max(axis=0), vertices.max(axis=0), atol=cell)
    assert volume(coarse, coarse_faces) == pytest.approx(volume(vertices, faces), rel=0.1)
    a, b, c = (coarse[coarse_faces[:, i]] for i in range(3))
    agrees = np.einsum("fi,fi->f", np.cross(b - a, c - a), normals.sum(axis=1)) > 0
    assert agrees.mean() > 0.95


def test_the_g1_is_drawn_whole(g1):
    meshes = body_meshes(g1.model, 0.01)
    names = {g1.model.body(mesh.body).name for mesh in meshes}
    assert set(g1.tracked_bodies) <= names
    assert sum(len(mesh.faces) for mesh in meshes) > 5_000
