import numpy as np
import pytest

from mimiclab.viewing.camera import View, follow


def project(view: View, target_xy, point, height=480):
    seen = view.axes @ (np.asarray(point) - view.eye(np.asarray(target_xy)))
    return seen[:2] / seen[2] * view.focal_px(height), seen[2]


def test_the_point_looked_at_is_in_the_middle_at_the_distance():
    view = View(azimuth_deg=70, elevation_deg=-20, distance=4, height=0.5)
    pixel, depth = project(view, (3, -2), (3, -2, 0.5))
    assert np.allclose(pixel, 0, atol=1e-9) and depth == pytest.approx(4)


def test_directions_in_the_picture():
    view = View(azimuth_deg=0, elevation_deg=0, distance=2, height=1, fovy_deg=90)
    # Looking along +x: left of it is +y, and 45 degrees off the axis is half the image height away.
    assert np.allclose(project(view, (0, 0), (0, 2, 1))[0], (-240, 0))
    assert np.allclose(project(view, (0, 0), (0, 0, 3))[0], (0, -240))
    assert np.allclose(view.eye(np.zeros(2)), (-2, 0, 1))


@pytest.mark.parametrize("azimuth", [0, 100, 250])
def test_axes_are_orthonormal_and_the_sun_is_behind_the_camera(azimuth):
    view = View(azimuth_deg=azimuth)
    assert np.allclose(view.axes @ view.axes.T, np.eye(3))
    assert np.linalg.det(view.axes) == pytest.approx(1)  # right, down, forward: right-handed
    assert np.linalg.norm(view.sun) == pytest.approx(1) and view.sun[2] > 0.5
    assert view.sun @ view.axes[2] < 0


def test_following_stands_still_with_the_robot_and_smooths_what_shakes():
    still = np.tile([1.0, 2.0], (80, 1))
    assert np.allclose(follow(still, 50), still)
    line = np.linspace([0, 0], [4, 0], 400)
    assert np.allclose(follow(line, 50)[100:-100], line[100:-100])
    shaking = line + 0.05 * np.sin(np.arange(400))[:, None]
    assert np.abs(follow(shaking, 50)[100:-100] - line[100:-100]).max() < 1e-3
