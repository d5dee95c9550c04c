import imageio.v3 as iio
import numpy as np
import pytest

from mimiclab.errors import MimiclabError, OutputError
from mimiclab.viewing.video import Look, interpolate, render_picture, render_trajectory

SMALL = Look(size=(160, 120), renderer="software")


@pytest.fixture(scope="module")
def qpos(g1):
    """Half a second at 50 Hz: the robot stands while its left arm rises."""
    track = np.zeros((26, 7 + g1.num_joints))
    track[:, 2], track[:, 3], track[:, 7:] = g1.default_root_height, 1, g1.default_pose
    arm = 7 + g1.joint_names.index("left_shoulder_pitch_joint")
    track[:, arm] = np.linspace(0, -2, 26)
    return track


def test_a_video_has_the_asked_frames_and_size(g1, qpos, tmp_path):
    seen = []
    path = render_trajectory(
        g1, qpos, tmp_path / "v.mp4", fps=50, reference_qpos=qpos, video_fps=20, look=SMALL,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    frames = iio.imread(path)
    assert frames.shape == (11, 120, 160, 3)
    assert iio.immeta(path)["fps"] == 20 and iio.immeta(path)["codec"] == "h264"
    assert seen == [(i, 11) for i in range(1, 12)]
    assert np.abs(frames[0].astype(int) - frames[-1]).max() > 50  # the arm moved


def test_an_interrupted_video_leaves_nothing(g1, qpos, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_trajectory(g1, qpos, tmp_path / "v.mp4", fps=50, look=SMALL, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_pictures(g1, qpos, tmp_path):
    sheet = render_picture(g1, qpos, tmp_path / "s.png", fps=50, columns=3, rows=2, look=SMALL)
    assert iio.imread(sheet).shape == (2 * 120 + 4, 3 * 160 + 8, 3)
    one = render_picture(g1, qpos, tmp_path / "o.png", fps=50, times_s=[0.3], look=SMALL)
    assert iio.imread(one).shape == (120, 160, 3)


def test_what_cannot_be_drawn_is_refused(g1, qpos, tmp_path):
    with pytest.raises(MimiclabError, match=r"\(26, 35\).*needs \(T, 36\)"):
        render_trajectory(g1, qpos[:, :35], tmp_path / "v.mp4", fps=50)
    with pytest.raises(MimiclabError, match="even numbers"):
        Look(size=(161, 120))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        render_trajectory(g1, qpos, tmp_path / "file" / "v.mp4", fps=50, look=SMALL)


def test_interpolation_holds_the_ends_and_keeps_quaternions_unit():
    track = np.zeros((3, 8))
    track[:, 0] = 0, 1, 4
    track[:, 3:7] = [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    found = interpolate(track, 10, np.array([-1, 0.05, 0.15, 9]))
    assert np.allclose(found[:, 0], [0, 0.5, 2.5, 4])
    assert np.allclose(found[1, 3:7], [np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    assert np.allclose(np.linalg.norm(found[:, 3:7], axis=1), 1)
    assert interpolate(track[:1], 10, np.array([0.0, 3.0])).shape == (2, 8)
