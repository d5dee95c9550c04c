"""Meshes as height fields: ramps and boxes become heights, overhangs and holes are refused."""

import numpy as np
import pytest

from mimiclab.errors import TerrainError
from mimiclab.tasks.velocity.mesh_heights import mesh_heights

FLOOR = [(-2, -2, 0), (2, -2, 0), (2, 2, 0), (-2, 2, 0)]


def quad(*corners):
    return [list(corners)]


def box(low, high):
    (x0, y0, z0), (x1, y1, z1) = low, high
    top = [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)]
    bottom = [(x0, y0, z0), (x0, y1, z0), (x1, y1, z0), (x1, y0, z0)]
    walls = [
        [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)],
        [(x1, y1, z0), (x0, y1, z0), (x0, y1, z1), (x1, y1, z1)],
    ]
    return [top, bottom, *walls]


@pytest.fixture
def write(tmp_path):
    def build(faces, extra=""):
        lines, count = ["# a mesh", "o ground"], 0
        for face in faces:
            lines += [f"v {x} {y} {z}" for x, y, z in face]
            lines.append("f " + " ".join(f"{count + i + 1}//1" for i in range(len(face))))
            count += len(face)
        path = tmp_path / "ground.obj"
        path.write_text("\n".join(lines) + "\n" + extra)
        return path

    return build


def test_a_ramp(write):
    grid = mesh_heights(write(quad((-2, -1, 0), (2, -1, 1), (2, 1, 1), (-2, 1, 0))), 0.1)
    assert grid.heights.shape == (21, 41) and grid.corner == (-2.0, -1.0)
    np.testing.assert_allclose(grid.heights, np.tile(np.linspace(0, 1, 41), (21, 1)), atol=1e-9)
    assert grid.origins[0, 0] == pytest.approx([0, 0, 0.75])  # the highest within 1 m


def test_boxes_that_stand_in_and_on_each_other(write):
    faces = [FLOOR, *box((-1, -1, -0.2), (1, 1, 0.4)), *box((-0.5, -0.5, 0.4), (0.5, 0.5, 0.7))]
    grid = mesh_heights(write(faces), 0.1)
    y, x = np.meshgrid(np.linspace(-2, 2, 41), np.linspace(-2, 2, 41), indexing="ij")
    r = np.maximum(np.abs(x), np.abs(y))
    expected = np.where(r < 0.501, 0.7, np.where(r < 1.001, 0.4, 0.0))
    np.testing.assert_allclose(grid.heights, expected, atol=1e-9)


def test_the_middle_is_moved_to_the_origin(write):
    faces = quad((10, 10, 0.5), (14, 10, 0.5), (14, 12, 0.5), (10, 12, 0.5))
    grid = mesh_heights(write(faces), 0.1)
    assert grid.corner == pytest.approx((-2.0, -1.0))
    assert grid.origins[0, 0] == pytest.approx([0, 0, 0.5])
    faces = quad((-1, -2, 0), (3, -2, 0), (3, 2, 0), (-1, 2, 0))
    # x = y = 0 of the file, seen from the mesh's middle.
    assert mesh_heights(write(faces), 0.1).origins[0, 0] == pytest.approx([-1, 0, 0])


def test_an_overhang_is_refused_with_its_place(write):
    faces = [FLOOR, *box((0.95, 0.95, 1.0), (1.95, 1.95, 1.2))]
    with pytest.raises(TerrainError, match=r"x = 1\.00, y = 1\.00 m .* z = 0\.000 to 1\.000 m"):
        mesh_heights(write(faces), 0.1)


def test_a_hole_is_refused_with_its_place(write):
    left = quad((-2, -2, 0), (0, -2, 0), (0, 2, 0), (-2, 2, 0))
    right = quad((0, -2, 0), (2, -2, 0), (2, 1, 0), (0, 1, 0))
    with pytest.raises(TerrainError, match=r"no ground at x = 0\.10, y = 1\.10 m"):
        mesh_heights(write(left + right), 0.1)


def test_a_mesh_upside_down_is_refused(write):
    with pytest.raises(TerrainError, match="faces down"):
        mesh_heights(write([FLOOR[::-1]]), 0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no faces"),
        ("v 0 0 zero\n", "line 1"),
        ("v 0 0\n", "three finite numbers"),
        ("v 0 0 nan\n", "three finite numbers"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "line 4"),
        ("v 0 0 0\nv 1 0 0\nv 0 0 1\nf 1 2 3\n", "no extent"),
    ],
)
def test_damaged_files_are_refused_with_the_line(tmp_path, text, message):
    path = tmp_path / "bad.obj"
    path.write_text(text)
    with pytest.raises(TerrainError, match=message):
        mesh_heights(path, 0.1)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TerrainError, match="gone"):
        mesh_heights(tmp_path / "gone.obj", 0.1)


def test_indices_from_the_end_and_larger_faces(tmp_path):
    path = tmp_path / "fan.obj"
    corners = "".join(f"v {x} {y} 0.25\n" for x, y in ((0, 0), (1, 0), (2, 0), (2, 2), (0, 2)))
    path.write_text(corners + "f -5/1/1 -4 -3 -2 -1\n")
    assert np.allclose(mesh_heights(path, 0.5).heights, 0.25)
