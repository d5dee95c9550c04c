import mujoco
import numpy as np
import pytest

from mimiclab.viewing.camera import View
from mimiclab.viewing.opengl import OpenGLRenderer, usable_backend
from mimiclab.viewing.software import SoftwareRenderer

SIZE = (160, 120)
VIEW = View()


@pytest.fixture(scope="module")
def renderer(g1) -> SoftwareRenderer:
    return SoftwareRenderer(g1.model, SIZE, VIEW)


def standing(robot, x=0.0, y=0.0, **joints) -> mujoco.MjData:
    data = mujoco.MjData(robot.model)
    data.qpos[:3] = x, y, robot.default_root_height
    data.qpos[7:] = robot.default_pose
    for name, angle in joints.items():
        data.qpos[7 + robot.joint_names.index(name)] = angle
    mujoco.mj_kinematics(robot.model, data)
    return data


def differs(a: np.ndarray, b: np.ndarray, by: int = 12) -> np.ndarray:
    return np.abs(a.astype(int) - b.astype(int)).max(axis=-1) > by


@pytest.fixture(scope="module")
def empty(renderer, g1):
    return renderer.render(np.zeros(2), standing(g1, x=-60))


def test_bodies_appear_where_the_camera_model_says(renderer, g1, empty):
    data = standing(g1)
    drawn = differs(renderer.render(np.zeros(2), data), empty)
    for name in ("torso_link", "left_knee_link", "right_elbow_link", "left_ankle_roll_link"):
        seen = VIEW.axes @ (data.body(name).xipos - VIEW.eye(np.zeros(2)))
        x, y = seen[:2] / seen[2] * VIEW.focal_px(SIZE[1]) + np.array(SIZE) / 2
        assert drawn[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].any(), name
    assert 0.02 < drawn.mean() < 0.4


def test_the_picture_moves_with_robot_and_camera(renderer, g1):
    here = renderer.render(np.zeros(2), standing(g1))
    there = renderer.render(np.array([3.0, 2.0]), standing(g1, x=3, y=2))
    assert np.abs(here.astype(int) - there).mean() < 0.5  # three metres are six whole tiles


def test_frames_repeat_exactly(renderer, g1):
    data, ghost = standing(g1), standing(g1, y=0.5)
    first = renderer.render(np.zeros(2), data, ghost)
    renderer.render(np.zeros(2), ghost)
    assert np.array_equal(first, renderer.render(np.zeros(2), data, ghost))


def test_the_reference_is_translucent_and_never_hides_a_robot_that_matches_it(renderer, g1, empty):
    data = standing(g1)
    alone = renderer.render(np.zeros(2), data)
    same = renderer.render(np.zeros(2), data, standing(g1))
    robot = differs(alone, empty)
    assert differs(alone, same, 40)[robot].mean() < 0.12  # coarser outlines may peep out
    beside = renderer.render(np.zeros(2), data, standing(g1, y=0.9))
    solid = renderer.render(np.zeros(2), standing(g1, y=0.9))
    ghost = differs(beside, alone) & differs(solid, empty)
    assert ghost.mean() > 0.02
    bluish = beside[ghost].mean(axis=0)
    assert bluish[2] > bluish[0] + 15


def test_a_robot_at_the_camera_does_no_harm(renderer, g1):
    eye = VIEW.eye(np.zeros(2))
    frame = renderer.render(np.zeros(2), standing(g1, x=eye[0], y=eye[1]))
    assert frame.shape == (120, 160, 3) and frame.dtype == np.uint8


def test_silhouette_agrees_with_mujocos_renderer(renderer, g1):
    backend = usable_backend()
    if backend is None:
        pytest.skip("no OpenGL here")
    gl = OpenGLRenderer(g1, SIZE, VIEW, backend)
    masks = []
    for one in (renderer, gl):
        pose = standing(g1, left_shoulder_pitch_joint=-1.5, right_hip_pitch_joint=-1.0)
        with_robot = one.render(np.zeros(2), pose)
        without = one.render(np.zeros(2), standing(g1, x=-60))
        mask = differs(with_robot, without, 6)
        masks.append(mask[: int(0.62 * SIZE[1])])  # above the shadows, which differ
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.85  # one pixel off: 0.79
