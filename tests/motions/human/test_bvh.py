"""BVH: trees computed by hand, SciPy's rotations as a second opinion, channels in any order."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mimiclab.errors import MotionFileError
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.human.tree import bone_lengths, longest_path

ORDERS = ["".join(p) for p in permutations("XYZ")]


def chain(channels: str = "Zrotation Xrotation Yrotation", root_moves: str = "XYZ") -> str:
    """A pole of two joints, 0.9 m each, in metres with y up."""
    count = len(channels.split())
    root = [f"{axis}position" for axis in root_moves] + channels.split()
    return (
        f"HIERARCHY\nROOT low\n{{\n OFFSET 0 0 0\n CHANNELS {len(root)} {' '.join(root)}\n"
        f" JOINT high\n {{\n  OFFSET 0 0.9 0\n  CHANNELS {count} {channels}\n"
        "  End Site\n  {\n   OFFSET 0 0.9 0\n  }\n }\n}\n"
    )


def motion(*frames: list[float], frame_time: str = "0.02") -> str:
    lines = "\n".join(" ".join(f"{x:.9g}" for x in frame) for frame in frames)
    return f"MOTION\nFrames: {len(frames)}\nFrame Time: {frame_time}\n{lines}\n"


def read(tmp_path: Path, text: str, **options) -> HumanClip:
    path = tmp_path / "pole.bvh"
    path.write_text(text)
    return read_human(path, **{"units": "m", "up": "z", **options})


def test_a_pole_bent_by_hand(tmp_path: Path) -> None:
    frame = [1, 2, 3, 90, 0, 0, 0, 90, 0]  # low turns about z, then high about its own x
    clip = read(tmp_path, chain() + motion(frame))
    assert clip.joint_names == ("low", "high", "high_end")
    assert clip.parents == (-1, 0, 1)
    assert clip.fps == 50
    # y goes to -x by the first turn; the second turns y to the pole's own z, which is the world's.
    np.testing.assert_allclose(
        clip.joint_pos_w[0], [[1, 2, 3], [0.1, 2, 3], [0.1, 2, 3.9]], atol=1e-12
    )
    assert clip.joint_quat_wxyz_w is not None
    half = np.sqrt(0.5)
    np.testing.assert_allclose(clip.joint_quat_wxyz_w[0, 0], [half, 0, 0, half], atol=1e-12)


def test_y_up_becomes_z_up_and_forward_z_becomes_x(tmp_path: Path) -> None:
    clip = read(tmp_path, chain() + motion([1, 2, 3, 0, 0, 0, 0, 0, 0]), up="y")
    np.testing.assert_allclose(
        clip.joint_pos_w[0], [[3, 1, 2], [3, 1, 2.9], [3, 1, 3.8]], atol=1e-12
    )
    quat = clip.joint_quat_wxyz_w
    assert quat is not None
    turn = Rotation.from_quat(quat[0, 0], scalar_first=True)
    np.testing.assert_allclose(
        turn.apply([[0, 1, 0], [0, 0, 1]]), [[0, 0, 1], [1, 0, 0]], atol=1e-12
    )


@pytest.mark.parametrize("order", ORDERS)
def test_every_channel_order_against_scipy(tmp_path: Path, order: str) -> None:
    angles = np.random.default_rng(ORDERS.index(order)).uniform(-180, 180, (5, 2, 3))
    channels = " ".join(f"{axis}rotation" for axis in order)
    frames = [[0.5, 0.6, 0.7, *low, *high] for low, high in angles]
    clip = read(tmp_path, chain(channels) + motion(*frames))
    low = Rotation.from_euler(order, angles[:, 0], degrees=True)  # capitals: intrinsic
    high = low * Rotation.from_euler(order, angles[:, 1], degrees=True)
    np.testing.assert_allclose(
        clip.joint_pos_w[:, 1], low.apply([0, 0.9, 0]) + np.array([0.5, 0.6, 0.7]), atol=1e-7
    )
    np.testing.assert_allclose(
        clip.joint_pos_w[:, 2] - clip.joint_pos_w[:, 1], high.apply([0, 0.9, 0]), atol=1e-7
    )
    assert clip.joint_quat_wxyz_w is not None
    found = Rotation.from_quat(clip.joint_quat_wxyz_w[:, 1], scalar_first=True)
    assert (found.inv() * high).magnitude().max() < 1e-7


def test_position_channels_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    clip = read(tmp_path, chain(root_moves="ZXY") + motion([3, 1, 2, 0, 0, 0, 0, 0, 0]))
    np.testing.assert_allclose(clip.joint_pos_w[0, 0], [1, 2, 3])


def test_joints_with_one_rotation_or_none(tmp_path: Path) -> None:
    text = chain().replace("  CHANNELS 3 Zrotation Xrotation Yrotation", "  CHANNELS 1 Xrotation")
    clip = read(tmp_path, text + motion([0, 0, 0, 0, 0, 0, 90]))
    np.testing.assert_allclose(clip.joint_pos_w[0, 2], [0, 0.9, 0.9], atol=1e-12)
    text = chain().replace("  CHANNELS 3 Zrotation Xrotation Yrotation", "  CHANNELS 0")
    clip = read(tmp_path, text + motion([0, 0, 0, 0, 0, 0]))
    np.testing.assert_allclose(clip.joint_pos_w[0, 2], [0, 1.8, 0], atol=1e-12)


def test_positions_below_the_root_replace_the_offset(tmp_path: Path) -> None:
    moving = "  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    text = chain().replace("  CHANNELS 3 Zrotation Xrotation Yrotation", moving)
    frames = [[0] * 6 + [0, 1.1, 0, 0, 0, 0], [0] * 6 + [0, 1.0, 0, 0, 0, 0]]
    clip = read(tmp_path, text + motion(*frames))
    np.testing.assert_allclose(clip.joint_pos_w[:, 1, 1], [1.1, 1.0])
    # Zero throughout, they can only be meant to add: bones have lengths.
    clip = read(tmp_path, text + motion([0] * 12))
    np.testing.assert_allclose(clip.joint_pos_w[0, 1], [0, 0.9, 0])


def test_names_with_blanks_tabs_carriage_returns_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = (
        (chain() + motion([0] * 9))
        .replace("JOINT high", "JOINT\tBip01 L Höhe")
        .replace("\n", "\r\n")
    )
    path = tmp_path / "odd.bvh"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_human(path, units="m", up="y").joint_names[1] == "Bip01 L Höhe"
    path.write_bytes(text.encode("latin-1"))
    assert read_human(path, units="m", up="y").joint_names[1] == "Bip01 L Höhe"


@pytest.mark.parametrize(
    ("printed", "fps"),
    [("0.033333", 30), ("0.0333333", 30), (".0083333", 120), ("0.008333", 120), ("0.04", 25),
     ("1.6666667e-2", 60), ("0.03", 1 / 0.03), ("0.0334", 1 / 0.0334)],
)  # fmt: skip
def test_rates_that_were_printed_with_few_digits(tmp_path: Path, printed: str, fps: float) -> None:
    clip = read(tmp_path, chain() + motion([0] * 9, frame_time=printed))
    assert clip.fps == pytest.approx(fps, rel=1e-12)


def test_a_declared_rate_must_agree(tmp_path: Path) -> None:
    assert read(tmp_path, chain() + motion([0] * 9), fps=50.01).fps == 50
    with pytest.raises(MotionFileError, match="the file says 50 fps but 60 was declared"):
        read(tmp_path, chain() + motion([0] * 9), fps=60)


def test_a_range_of_frames(tmp_path: Path) -> None:
    frames = [[float(k)] + [0.0] * 8 for k in range(5)]
    clip = read(tmp_path, chain() + motion(*frames), frame_range=(1, 4))
    np.testing.assert_allclose(clip.joint_pos_w[:, 0, 0], [1, 2, 3])
    with pytest.raises(Exception, match="frames 3 to 9 are not in the file, which has 5"):
        read(tmp_path, chain() + motion(*frames), frame_range=(3, 9))


@given(
    angles=st.lists(st.lists(st.floats(-720, 720), min_size=6, max_size=6), min_size=1, max_size=5),
    order=st.sampled_from(ORDERS),
    unit=st.sampled_from([("m", 1.0), ("cm", 0.01), ("mm", 0.001), ("inch", 0.0254)]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_bones_keep_their_length_whatever_the_angles(tmp_path: Path, angles, order, unit) -> None:
    _, factor = unit
    channels = " ".join(f"{axis}rotation" for axis in order)
    text = chain(channels).replace("0.9", f"{0.9 / factor:.9g}")
    frames = [[0.0, 0.0, 0.0, *frame] for frame in angles]
    clip = read(tmp_path, text + motion(*frames), units=None)  # the unit is found by the size
    for joint in (1, 2):
        bone = clip.joint_pos_w[:, joint] - clip.joint_pos_w[:, joint - 1]
        np.testing.assert_allclose(np.linalg.norm(bone, axis=1), 0.9, rtol=1e-6)


def test_longest_path_of_a_tree_computed_by_hand() -> None:
    parents = (-1, 0, 1, 0, 3, -1)
    pos = np.zeros((1, 6, 3))
    pos[0, :, 0] = [0, 1, 3, -4, -9, 50]  # two arms of 3 and 9 from a root; a loose joint
    lengths = bone_lengths(parents, pos)
    np.testing.assert_allclose(lengths, [0, 1, 2, 4, 5, 0])
    assert longest_path(parents, lengths) == pytest.approx(12)
