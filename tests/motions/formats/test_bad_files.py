"""Bad motion files: each is refused with a sentence that says what to do."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mimiclab.errors import MotionError, MotionFileError, RobotError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import FORMATS, read_motion, read_motion_file, write_motion
from mimiclab.robots import Robot

WRITABLE_NPZ = [n for n, f in FORMATS.items() if f.suffix == ".npz" and f.write is not None]
Change = Callable[[dict[str, np.ndarray]], object]


def _csv(sway: MotionClip, path: Path, change: Callable[[list[str]], object]) -> Path:
    write_motion(sway, path)
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")
    return path


def _npz(sway: MotionClip, path: Path, change: Change, format: str = "mimiclab_npz") -> Path:
    write_motion(sway, path, format)
    with np.load(path) as data:
        arrays = dict(data)
    change(arrays)
    np.savez(path, **arrays)
    return path


def test_missing_file_names_its_neighbours(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "walk.npz")
    with pytest.raises(MotionFileError, match=r"no such file; that folder has walk\.npz"):
        read_motion(tmp_path / "wlak.npz")


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match="is a folder"):
        read_motion(tmp_path)


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    with pytest.raises(MotionFileError, match="empty"):
        read_motion(path, robot="unitree_g1")


def test_blank_csv(tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_text("\n \n")
    with pytest.raises(MotionFileError, match="only blank space"):
        read_motion(path, robot="unitree_g1")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
@pytest.mark.parametrize("name", WRITABLE_NPZ)
def test_truncated_npz(sway: MotionClip, tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / "cut.npz"
    write_motion(sway, path, name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(MotionFileError, match="truncated or damaged"):
        read_motion(path, robot="unitree_g1")


def test_truncated_csv(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    write_motion(sway, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MotionFileError, match=r"line 40 .* truncated"):
        read_motion(path, robot="unitree_g1")


def test_npz_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "fake.npz"
    path.write_text("1,2,3")
    with pytest.raises(MotionFileError, match="not an npz archive"):
        read_motion(path)


def test_binary_that_is_neither(tmp_path: Path) -> None:
    path = tmp_path / "noise.dat"
    path.write_bytes(b"\xff\xfe\x00\x12" * 10)
    with pytest.raises(MotionFileError, match="neither an npz archive nor a text file"):
        read_motion(path)


@pytest.mark.parametrize("text", ["HIERARCHY\nROOT Hips\n", '{"Frames": [[0.1, 0.2]]}'])
def test_text_of_another_kind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(text)
    with pytest.raises(MotionFileError, match="not one of comma separated numbers"):
        read_motion(path, robot="unitree_g1")


def test_csv_from_a_spreadsheet(sway: MotionClip, tmp_path: Path) -> None:
    """A byte-order mark and Windows line ends change nothing."""
    path = tmp_path / "clip.csv"
    write_motion(sway, path)
    lines = path.read_text().splitlines()
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    np.testing.assert_allclose(
        read_motion(path, robot="unitree_g1").joint_pos, sway.joint_pos, atol=1e-8
    )


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "exploded",))

    plain = tmp_path / "clip.pkl"
    plain.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(MotionFileError, match=r"Path\.touch.*could run code"):
        read_motion(plain)
    inside = tmp_path / "clip.npz"
    np.savez(inside, root_quat_wxyz=np.zeros((1, 4)), joint_pos=np.array([Bomb()], dtype=object))
    with pytest.raises(MotionFileError, match=r"Path\.touch.*could run code.*'joint_pos'"):
        read_motion(inside)
    assert not (tmp_path / "exploded").exists()


def test_csv_needs_its_robot(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "clip.csv")
    with pytest.raises(MotionFileError, match="robots with 36 columns: unitree_g1"):
        read_motion(tmp_path / "clip.csv")
    with pytest.raises(UnknownNameError, match="did you mean 'unitree_g1'"):
        read_motion(tmp_path / "clip.csv", robot="unitree_g2")


def test_csv_of_another_robot(tmp_path: Path) -> None:
    path = tmp_path / "h1.csv"
    np.savetxt(path, np.ones((3, 26)), delimiter=",")
    with pytest.raises(MotionFileError, match=r"26 columns, but .* needs 36 .*: unitree_h1$"):
        read_motion(path, robot="unitree_g1")


def test_csv_with_header(sway: MotionClip, tmp_path: Path) -> None:
    path = _csv(sway, tmp_path / "a.csv", lambda lines: lines.insert(0, ",".join(["x"] * 36)))
    with pytest.raises(MotionFileError, match=r"line 1 has 'x' .* no header"):
        read_motion(path, robot="unitree_g1")


@pytest.mark.parametrize("bad", ["", "abc", "1_0", "0.1 0.2"])
def test_csv_with_a_bad_cell(sway: MotionClip, tmp_path: Path, bad: str) -> None:
    def spoil(lines: list[str]) -> None:
        cells = lines[7].split(",")
        cells[9] = bad
        lines[7] = ",".join(cells)

    with pytest.raises(MotionFileError, match="line 8 has "):
        read_motion(_csv(sway, tmp_path / "a.csv", spoil), robot="unitree_g1")


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_csv_with_non_finite_numbers(sway: MotionClip, tmp_path: Path, bad: str) -> None:
    def spoil(lines: list[str]) -> None:
        cells = lines[7].split(",")
        cells[20] = bad
        lines[7] = ",".join(cells)

    with pytest.raises(MotionError, match="NaN or infinite values in 1 of 40 frames, first in "):
        read_motion(_csv(sway, tmp_path / "a.csv", spoil), robot="unitree_g1")


def test_csv_with_zero_quaternions(sway: MotionClip, tmp_path: Path) -> None:
    def spoil(lines: list[str]) -> None:
        cells = lines[3].split(",")
        cells[3:7] = ["0"] * 4
        lines[3] = ",".join(cells)

    with pytest.raises(MotionError, match="quaternion of frame 3 has length 0"):
        read_motion(_csv(sway, tmp_path / "a.csv", spoil), robot="unitree_g1")


def test_unnormalised_quaternions(sway: MotionClip, tmp_path: Path) -> None:
    def stretch(factor: float) -> Change:
        return lambda arrays: arrays.update(root_quat_wxyz=arrays["root_quat_wxyz"] * factor)

    with pytest.raises(MotionError, match=r"length 1\.1"):
        read_motion(_npz(sway, tmp_path / "a.npz", stretch(1.1)))
    # Rounding in text files is no reason to refuse; the reader says how far off it was.
    file = read_motion_file(_npz(sway, tmp_path / "b.npz", stretch(1.005)))
    assert abs(file.quat_norm_deviation - 0.005) < 1e-6
    np.testing.assert_allclose(np.linalg.norm(file.clip.root_quat_wxyz, axis=1), 1.0)


def test_wrong_quaternion_order_is_a_question_not_a_guess(sway: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    columns = [sway.root_pos, sway.root_quat_wxyz, sway.joint_pos]
    np.savetxt(path, np.concatenate(columns, axis=1), delimiter=",")
    with pytest.raises(MotionFileError, match="the file is probably wxyz"):
        read_motion(path, robot="unitree_g1")
    clip = read_motion(path, robot="unitree_g1", root_quat_order="wxyz")
    np.testing.assert_allclose(clip.root_quat_wxyz, sway.root_quat_wxyz)
    # A declaration is believed, even an odd one.
    assert read_motion(path, robot="unitree_g1", root_quat_order="xyzw").num_frames == 40
    with pytest.raises(MotionFileError, match="expected one of xyzw, wxyz"):
        read_motion(path, robot="unitree_g1", root_quat_order="zyxw")


@pytest.mark.parametrize("name", ["mimiclab_npz", "mjlab_npz", "holosoma_npz", "gmr_npz"])
def test_fps_missing(sway: MotionClip, tmp_path: Path, name: str) -> None:
    path = _npz(sway, tmp_path / "a.npz", lambda arrays: arrays.pop("fps"), name)
    with pytest.raises(MotionFileError, match=r"'fps' is missing; state it with fps="):
        read_motion(path, robot="unitree_g1")
    assert read_motion(path, robot="unitree_g1", fps=25.0).fps == 25.0


@pytest.mark.parametrize("fps", [0.0, -30.0, np.nan, np.inf])
def test_fps_impossible(sway: MotionClip, tmp_path: Path, fps: float) -> None:
    path = _npz(sway, tmp_path / "a.npz", lambda arrays: arrays.update(fps=np.array(fps)))
    with pytest.raises(MotionFileError, match="expected a positive number"):
        read_motion(path)


def test_fps_of_a_wrong_kind(sway: MotionClip, tmp_path: Path) -> None:
    for value in (np.array("50"), np.array([50, 60])):
        path = _npz(sway, tmp_path / "a.npz", lambda arrays, v=value: arrays.update(fps=v))
        with pytest.raises(MotionFileError, match="expected one number"):
            read_motion(path)


def test_fps_that_disagrees(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "a.npz")
    with pytest.raises(MotionFileError, match="the file says 50 fps but 30 was declared"):
        read_motion(tmp_path / "a.npz", fps=30.0)
    assert read_motion(tmp_path / "a.npz", fps=50.0).fps == 50.0


@pytest.mark.parametrize("name", WRITABLE_NPZ)
def test_unknown_key_is_named_and_can_be_ignored(
    sway: MotionClip, tmp_path: Path, name: str
) -> None:
    path = _npz(sway, tmp_path / "a.npz", lambda arrays: arrays.update(magic=np.ones(3)), name)
    with pytest.raises(MotionFileError, match="unknown keys magic"):
        read_motion(path, robot="unitree_g1")
    assert read_motion(path, robot="unitree_g1", ignore_keys=("magic",)).num_frames == 40


def test_npz_of_no_known_format(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", poses=np.ones((3, 72)), trans=np.ones((3, 3)))
    with pytest.raises(MotionFileError, match="the keys poses, trans are those of no known format"):
        read_motion(tmp_path / "a.npz", robot="unitree_g1")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("joint_pos", np.zeros((40, 28)), r"'joint_pos' has shape \(40, 28\), expected \(T, 29\)"),
        ("root_pos", np.zeros((40, 4)), r"'root_pos' has shape"),
        ("root_pos", np.zeros((39, 3)), r"root_pos has shape \(39, 3\), expected"),
        ("root_pos", np.full((40, 3), "x"), "holds <U1 values, expected numbers"),
        ("root_quat_wxyz", np.zeros(40), r"'root_quat_wxyz' has shape"),
        ("joint_names", np.arange(29), "expected a list of names"),
        ("joint_names", np.array(["a"] * 29), "has names twice: a"),
        ("joint_names", np.array([f"j{i}" for i in range(29)]), "joint_names disagree with robot"),
        ("robot", np.array(["a", "b"]), "expected one string"),
        ("robot", np.array("atlas"), "unknown robot 'atlas'"),
        ("schema", np.array(2), "schema is 2, this version reads 1"),
    ],
)
def test_wrong_content(
    sway: MotionClip, tmp_path: Path, key: str, value: np.ndarray, message: str
) -> None:
    path = _npz(sway, tmp_path / "a.npz", lambda arrays: arrays.update({key: value}))
    with pytest.raises((MotionError, UnknownNameError), match=message):
        read_motion(path)


@pytest.mark.parametrize("key", ["root_pos", "joint_names", "robot", "schema"])
def test_missing_key(sway: MotionClip, tmp_path: Path, key: str) -> None:
    path = _npz(sway, tmp_path / "a.npz", lambda arrays: arrays.pop(key))
    with pytest.raises(MotionFileError, match=key):
        read_motion(path)


def test_stored_arrays_of_another_length(sway: MotionClip, tmp_path: Path) -> None:
    path = _npz(
        sway,
        tmp_path / "a.npz",
        lambda arrays: arrays.update(body_pos_w=arrays["body_pos_w"][:-1]),
        "mimiclab_npz_bodies",
    )
    with pytest.raises(MotionFileError, match="body_pos_w has 39 frames but the motion has 40"):
        read_motion(path)


def test_file_of_another_robot(sway: MotionClip, tmp_path: Path, g1: Robot) -> None:
    names = [f"joint_{i}" for i in range(29)]
    path = _npz(
        sway,
        tmp_path / "a.npz",
        lambda arrays: arrays.update(joint_names=np.array(names)),
        "holosoma_npz",
    )
    with pytest.raises(RobotError, match="not those of robot 'unitree_g1'; they differ in"):
        read_motion(path, robot="unitree_g1")
    with pytest.raises(MotionFileError, match="no known robot; declare the robot"):
        read_motion(path)


def test_half_an_object_trajectory_is_not_dropped_silently(
    sway: MotionClip, tmp_path: Path
) -> None:
    path = _npz(
        sway,
        tmp_path / "a.npz",
        lambda arrays: arrays.update(object_pos_w=np.zeros((40, 3))),
        "holosoma_npz",
    )
    with pytest.raises(MotionFileError, match="'object_quat_w' is missing"):
        read_motion(path)
    assert read_motion(path, ignore_keys=("object_pos_w",)).objects == ()


def test_unnamed_file_needs_its_robot(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "a.npz", "mjlab_npz")
    with pytest.raises(MotionFileError, match="names neither robot nor joints; declare the robot"):
        read_motion(tmp_path / "a.npz")


def test_unnamed_file_in_no_known_order(sway: MotionClip, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = _npz(
        sway,
        tmp_path / "a.npz",
        lambda arrays: arrays.update(joint_pos=arrays["joint_pos"][:, rng.permutation(29)]),
        "mjlab_npz",
    )
    with pytest.raises(MotionFileError, match="no known order puts robot 'unitree_g1' where"):
        read_motion(path, robot="unitree_g1")


def _still(g1: Robot, joint_pos: np.ndarray) -> MotionClip:
    return MotionClip(
        name="still",
        robot=g1.name,
        fps=50.0,
        joint_names=g1.joint_names,
        root_pos=np.zeros((5, 3)),
        root_quat_wxyz=np.tile([1.0, 0, 0, 0], (5, 1)),
        joint_pos=np.tile(joint_pos, (5, 1)),
    )


@pytest.mark.parametrize("order", ["mjlab_npz", "beyondmimic_npz"])
def test_joints_at_zero_are_the_same_in_any_order(g1: Robot, tmp_path: Path, order: str) -> None:
    write_motion(_still(g1, np.zeros(29)), tmp_path / "a.npz", order)
    file = read_motion_file(tmp_path / "a.npz", robot="unitree_g1")
    assert file.format == order and not file.clip.joint_pos.any()


def test_unnamed_file_whose_order_cannot_be_told(g1: Robot, tmp_path: Path) -> None:
    # Angles so small that the order of the joints matters less than this file's wrong model.
    tiny = _still(g1, 0.01 * np.random.default_rng(0).normal(size=29))

    def bend(arrays: dict[str, np.ndarray]) -> None:
        arrays["body_pos_w"][:, 1:, 2] += 0.012

    path = _npz(tiny, tmp_path / "a.npz", bend, "mjlab_npz")
    with pytest.raises(MotionFileError, match="more than one order fits robot 'unitree_g1'"):
        read_motion(path, robot="unitree_g1")


def test_unnamed_file_with_mixed_orders(sway: MotionClip, tmp_path: Path) -> None:
    write_motion(sway, tmp_path / "isaac.npz", "beyondmimic_npz")
    with np.load(tmp_path / "isaac.npz") as data:
        isaac = data["joint_pos"]
    path = _npz(
        sway, tmp_path / "a.npz", lambda arrays: arrays.update(joint_pos=isaac), "mjlab_npz"
    )
    with pytest.raises(MotionFileError, match="joints are in isaac and bodies in mujoco order"):
        read_motion(path, robot="unitree_g1")


def test_unnamed_file_with_fewer_bodies(sway: MotionClip, tmp_path: Path) -> None:
    path = _npz(
        sway,
        tmp_path / "a.npz",
        lambda arrays: arrays.update(body_pos_w=arrays["body_pos_w"][:, :14]),
        "mjlab_npz",
    )
    with pytest.raises(MotionFileError, match=r"expected \(T, 29\) and \(T, 30, 3\)"):
        read_motion(path, robot="unitree_g1")


def test_unnamed_file_with_nan(sway: MotionClip, tmp_path: Path) -> None:
    def spoil(arrays: dict[str, np.ndarray]) -> None:
        arrays["body_pos_w"][3, 0, 0] = np.nan

    path = _npz(sway, tmp_path / "a.npz", spoil, "beyondmimic_npz")
    with pytest.raises(MotionError):
        read_motion(path, robot="unitree_g1")
