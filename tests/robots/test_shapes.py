"""Fitted capsules and boxes against bodies whose shape is known."""

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.robots.shapes import Shape, fit_shape, fit_shapes, geom_points

TURN = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])


def model_of(geom: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{geom}</worldbody></mujoco>")


def test_capsule_is_found_again():
    model = model_of("<geom type='capsule' size='.05' fromto='.1 .2 .3 .3 .25 .1'/>")
    shape = fit_shape(geom_points(model, 0))
    assert shape.kind == "capsule"
    np.testing.assert_allclose(shape.pos, [0.2, 0.225, 0.2], atol=2e-3)
    np.testing.assert_allclose(shape.size, [0.05, np.linalg.norm([0.1, 0.025, 0.1])], rtol=0.03)
    axis = np.array([0.2, 0.05, -0.2]) / np.linalg.norm([0.2, 0.05, -0.2])
    assert abs(shape.rotation[:, 2] @ axis) > 0.999


@pytest.mark.parametrize("turned", [False, True])
def test_box_is_found_again(turned):
    quat = np.array([1.0, 0, 0, 0])
    if turned:
        mujoco.mju_mat2Quat(quat, TURN.ravel())
    text = " ".join(map(str, quat))
    model = model_of(f"<geom type='box' size='.1 .06 .02' pos='0 .1 0' quat='{text}'/>")
    shape = fit_shape(geom_points(model, 0))
    assert shape.kind == "box"
    np.testing.assert_allclose(shape.pos, [0.0, 0.1, 0.0], atol=1e-3)
    np.testing.assert_allclose(sorted(shape.size), [0.02, 0.06, 0.1], rtol=0.02)


def test_distance_is_signed_and_exact_on_simple_points():
    eye = np.eye(3)
    capsule = Shape("capsule", np.array([0.0, 0, 1]), eye, np.array([0.5, 1.0]))
    points = np.array([[0, 0, 1], [1, 0, 1.5], [0, 0, 3], [3, 4, 2]], float)
    np.testing.assert_allclose(capsule.distance(points), [-0.5, 0.5, 0.5, 4.5])
    box = Shape("box", np.zeros(3), eye, np.array([1.0, 2, 3]))
    points = np.array([[0, 0, 0], [2, 0, 0], [4, 6, 0]], float)
    np.testing.assert_allclose(box.distance(points), [-1.0, 1.0, 5.0])


def test_reflection_keeps_distances():
    shape = Shape("box", np.array([0.1, 0.2, 0.3]), TURN, np.array([0.1, 0.2, 0.3]))
    mirror = np.diag([1.0, -1, 1])
    image = shape.reflected(mirror)
    assert np.linalg.det(image.rotation) == pytest.approx(1.0)
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_allclose(image.distance(points @ mirror), shape.distance(points), atol=1e-12)


def test_two_distant_lumps_become_two_shapes_and_one_lump_one():
    body = "<geom type='box' size='.1 .15 .25'/>"
    head = "<geom type='sphere' size='.07' pos='0 0 .6'/>"
    model = model_of(body + head)
    both = np.concatenate([geom_points(model, 0), geom_points(model, 1)])
    shapes = fit_shapes(both, mirror=np.diag([1.0, -1, 1]))
    assert len(shapes) == 2
    top = max(shapes, key=lambda shape: shape.pos[2])
    np.testing.assert_allclose(top.pos, [0, 0, 0.6], atol=0.01)
    assert top.size[0] == pytest.approx(0.07, rel=0.05)
    assert len(fit_shapes(geom_points(model, 0))) == 1


def test_points_of_every_primitive_lie_on_it():
    kinds = {"sphere": ".2", "capsule": ".1 .3", "cylinder": ".1 .3", "ellipsoid": ".1 .2 .3"}
    for kind, size in kinds.items():
        model = model_of(f"<geom type='{kind}' size='{size}' pos='1 0 0' euler='30 20 10'/>")
        points = geom_points(model, 0)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        # A ray from outside through each point, nearly to the centre, must meet the geom there.
        for point in points[::37]:
            start = [1, 0, 0] + 2.0 * (point - [1, 0, 0])
            towards = [1, 0, 0.004] - start
            towards /= np.linalg.norm(towards)
            found = mujoco.mj_ray(
                model, data, start, towards, None, 1, -1, np.zeros(1, np.int32), None
            )
            expected = np.linalg.norm(point - [1, 0, 0])
            assert found == pytest.approx(expected, abs=0.012), kind


def test_flat_clouds_and_planes_are_refused():
    with pytest.raises(RobotError, match="lie in a plane"):
        fit_shape(np.random.default_rng(0).random((30, 3)) * [1, 1, 0])
    with pytest.raises(RobotError, match="no part of a robot"):
        geom_points(model_of("<geom type='plane' size='1 1 1'/>"), 0)
