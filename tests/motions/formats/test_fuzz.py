"""Damaged files of every format give a motion or a named error, and never fill the memory."""

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.motions.conftest import make_clip
from tests.motions.human.test_bad_human_files import BVH, _good_files

from mimiclab.errors import MimiclabError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import FORMATS, read_motion_file, write_motion
from mimiclab.motions.formats.memory import PEAK_FLOOR_BYTES
from mimiclab.motions.human.formats import HUMAN_FORMATS, read_human
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.scene import still_object
from mimiclab.robots import Robot

FACTOR = 10
"""Reading may take this many times the file's size, or `PEAK_FLOOR_BYTES` if that is more."""
VARIANTS = {"protomotions_pt": ".pt", "phc_npz": ".npz", "holosoma_objects": ".npz"}
"""Kinds of files beside those that the writers make."""
ROBOT_KINDS = [*FORMATS, *(name for name in VARIANTS if name not in FORMATS)]
Mutation = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def samples(g1: Robot, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small good file of every kind."""
    from mimiclab.robots import get_robot

    folder = tmp_path_factory.mktemp("samples")
    clip = make_clip(g1, frames=5)
    cmu = make_clip(get_robot("dm_cmu_humanoid"), frames=5, fps=120.0)
    found: dict[str, Path] = {}
    for name, item in FORMATS.items():
        found[name] = folder / f"{name}{item.suffix}"
        if item.write is not None:
            write_motion(cmu if name.startswith("cmu_") else clip, found[name], name)
    write_motion(clip, folder / "phc.pkl", "asap_pkl")
    found["phc_npz"] = _phc_npz(folder / "phc_npz.npz", clip)
    motion = body_motion(clip)
    tensors = {
        "dof_pos": torch.tensor(clip.joint_pos),
        "rigid_body_pos": torch.tensor(motion.body_pos_w),
        "rigid_body_rot": torch.tensor(motion.body_quat_wxyz_w[..., [1, 2, 3, 0]]),
        "fps": 50.0,
    }
    torch.save(tensors, found["protomotions"])
    found["protomotions_pt"] = folder / "library.pt"
    library = {
        "gts": tensors["rigid_body_pos"], "grs": tensors["rigid_body_rot"],
        "dps": tensors["dof_pos"], "length_starts": torch.tensor([0]),
        "motion_num_frames": torch.tensor([5]), "motion_dt": torch.tensor([0.02]),
    }  # fmt: skip
    torch.save(library, found["protomotions_pt"])
    found["holosoma_objects"] = folder / "holosoma_objects.npz"
    box = still_object("box", (1, 0, 0), frames=5, size=(1, 1, 1))
    write_motion(
        MotionClip(**{**vars(clip), "objects": (box,)}), found["holosoma_objects"], "holosoma_npz"
    )
    for name, path in _good_files(folder).items():
        found[f"human {name}"] = path
    return found


def _phc_npz(path: Path, clip: MotionClip) -> Path:
    np.savez(
        path,
        root_trans_offset=clip.root_pos,
        root_rot=clip.root_quat_wxyz[:, [1, 2, 3, 0]],
        dof=clip.joint_pos,
        contact_mask=np.ones((5, 2)),
        joint_names=np.array(clip.joint_names),
        fps=50,
    )
    return path


def _read(kind: str, path: Path) -> None:
    """Read a file as its kind is read; only errors of ours may come out."""
    if kind.startswith("human "):
        rate = {"asf_amc": 120.0, "positions_npy": 30.0}.get(kind.removeprefix("human "))
        try:
            clip = read_human(path, fps=rate)
        except MimiclabError as error:
            assert str(error)
            return
        assert np.isfinite(clip.joint_pos_w).all()
        return
    robot = "dm_cmu_humanoid" if kind.startswith("cmu_") else "unitree_g1"
    try:
        file = read_motion_file(path, robot=robot)
    except MimiclabError as error:
        assert str(error)
        return
    assert file.clip.num_frames > 0 and np.isfinite(file.clip.joint_pos).all()


# Positions are drawn as shares, so that a mutation fits files of any length.
_share = st.floats(0.0, 1.0)
_bytes = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [b"\xff" * 8, b"\x00" * 8, b"\xff\xff\xff\x7f", b"-1", b"nan", b"1e999", b"9" * 12, b"\n",
         b",", b"{", b"[", b"(", b"R", b"\x93", b"(1e9, 3)", b"<f8", b"|O"]
    ),
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """One change of bytes: flipped, cut, inserted, replaced, doubled, left out or zeroed."""
    kind = draw(st.sampled_from(["flip", "cut", "insert", "replace", "double", "drop", "zero"]))
    where, length, new = draw(_share), draw(st.integers(1, 200)), draw(_bytes)

    def change(data: bytes) -> bytes:
        at = int(where * max(len(data) - 1, 0))
        block = data[at : at + length]
        return {
            "flip": data[:at] + bytes([(data[at] if data else 0) ^ new[0]]) + data[at + 1 :],
            "cut": data[:at],
            "insert": data[:at] + new + data[at:],
            "replace": data[:at] + new + data[at + len(new) :],
            "double": data[:at] + block * 3 + data[at + length :],
            "drop": data[:at] + data[at + length :],
            "zero": data[:at] + bytes(len(block)) + data[at + length :],
        }[kind]

    return change


@st.composite
def damages(draw: st.DrawFn) -> Mutation:
    """Some mutations of a file, or of one member of an archive, which is then packed again."""
    changes = draw(st.lists(mutations(), min_size=1, max_size=4))
    inside, member = draw(st.booleans()), draw(_share)
    early = draw(st.booleans())

    def change(data: bytes) -> bytes:
        for one in changes:
            # Headers are at the beginning, and matter more than numbers.
            data = one(data[:256]) + data[256:] if early else one(data)
        return data

    def damage(data: bytes) -> bytes:
        if not (inside and zipfile.is_zipfile(io.BytesIO(data))):
            return change(data)
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
            chosen = int(member * (len(old.namelist()) - 1))
            for i, info in enumerate(old.infolist()):
                content = old.read(info)
                new.writestr(info.filename, change(content) if i == chosen else content)
        return packed.getvalue()

    return damage


def _fuzz(kind: str, samples: dict[str, Path], folder: Path, damage: Mutation) -> None:
    good = samples[kind]
    path = folder / good.name
    path.write_bytes(damage(good.read_bytes()))
    if kind == "human asf_amc":
        path.with_suffix(".asf").write_bytes(good.with_suffix(".asf").read_bytes())
    _read(kind, path)


KINDS = [*ROBOT_KINDS, *(f"human {name}" for name in HUMAN_FORMATS)]


def test_every_format_has_a_sample_that_is_read(samples: dict[str, Path]) -> None:
    assert set(KINDS) <= set(samples)
    for kind in ROBOT_KINDS:
        robot = "dm_cmu_humanoid" if kind.startswith("cmu_") else "unitree_g1"
        assert read_motion_file(samples[kind], robot=robot).clip.num_frames == 5
    for name in HUMAN_FORMATS:
        rate = {"asf_amc": 120.0, "positions_npy": 30.0}.get(name)
        assert read_human(samples[f"human {name}"], fps=rate).num_frames > 0


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damage=damages())
def test_damaged_files_give_a_motion_or_a_named_error(
    samples: dict[str, Path], tmp_path: Path, kind: str, damage: Mutation
) -> None:
    _fuzz(kind, samples, tmp_path, damage)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(damage=damages())
def test_many_damaged_files(
    samples: dict[str, Path], tmp_path: Path, kind: str, damage: Mutation
) -> None:
    _fuzz(kind, samples, tmp_path, damage)


# --- Memory ------------------------------------------------------------------------------------


def _peak(kind: str, path: Path) -> int:
    tracemalloc.start()
    try:
        _read(kind, path)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


def _allowed(path: Path) -> int:
    return max(PEAK_FLOOR_BYTES, FACTOR * path.stat().st_size)


def _npy(shape: tuple[int, ...], dtype: str, data: bytes) -> bytes:
    head = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


def _archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _lying_archive(path: Path) -> Path:
    """A deflated bomb that announces 100 bytes."""
    content = _npy((2**27,), "<f4", bytes(2**29 // 4))
    _archive(path, {"root_pos.npy": content}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    size = len(content).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    return path


def _sparse_hdf5(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        for key, tail in (("joints", 29), ("root_pos", 3), ("root_quat", 4)):
            file.create_dataset(key, (2**32, tail), "f4", chunks=(1024, tail))
        file.attrs["joint_names"] = ["a"] * 29
    return path


def _packed_hdf5(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("joints", data=np.zeros((2**20, 29), "f4"), compression="gzip")
    return path


def _torch_bomb(path: Path) -> Path:
    torch.save({"dof_pos": torch.zeros(4)}, path)
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    key = next(name for name in members if name.endswith("/data/0"))
    return _archive(path, members | {key: bytes(2**28)}, zipfile.ZIP_DEFLATED)


BOMBS: dict[str, tuple[str, str, Callable[[Path], Any]]] = {
    "npz header": (
        "mimiclab_npz",
        ".npz",
        lambda p: _archive(p, {"root_pos.npy": _npy((2**40, 3), "<f8", b"x" * 24)}),
    ),
    "npz strings": (
        "mimiclab_npz",
        ".npz",
        lambda p: _archive(p, {"joint_names.npy": _npy((29,), "<U999999999", b"x" * 24)}),
    ),
    "npz of nothing": (
        "mimiclab_npz",
        ".npz",
        lambda p: _archive(p, {"joint_names.npy": _npy((2**40,), "<U0", b"")}),
    ),
    "npz deflated": (
        "mimiclab_npz",
        ".npz",
        lambda p: _archive(
            p, {"root_pos.npy": _npy((2**25,), "<f4", bytes(2**27))}, zipfile.ZIP_DEFLATED
        ),
    ),
    "npz lying": ("mimiclab_npz", ".npz", _lying_archive),
    "npz bytes": (
        "mimiclab_npz",
        ".npz",
        lambda p: _archive(
            p, {"root_pos.npy": _npy((2**25,), "|u1", bytes(2**25))}, zipfile.ZIP_DEFLATED
        ),
    ),
    "csv one line": ("unitree_csv", ".csv", lambda p: p.write_bytes(b"1," * 2**22)),
    "csv short numbers": (
        "unitree_csv",
        ".csv",
        lambda p: p.write_bytes((b"1," * 35 + b"1\n") * 2**15),
    ),
    "csv blank": ("unitree_csv", ".csv", lambda p: p.write_bytes(b" " * 2**22)),
    "csv empty lines": ("unitree_csv", ".csv", lambda p: p.write_bytes(b"\n" * 2**21)),
    "csv wide letters": (
        "unitree_csv",
        ".csv",
        lambda p: p.write_text("\U0001f600" + "ab\n" * 2**20),
    ),
    "csv no commas": ("unitree_csv", ".csv", lambda p: p.write_bytes(b"9" * 2**23)),
    "h5 sparse": ("videomimic_h5", ".h5", _sparse_hdf5),
    "h5 packed": ("videomimic_h5", ".h5", _packed_hdf5),
    "torch packed": ("protomotions", ".motion", _torch_bomb),
    "json scene": ("human deepmimic_json", ".json", lambda p: p.write_bytes(b"[" * 2**22)),
    "json numbers": (
        "human deepmimic_json",
        ".json",
        lambda p: p.write_text(json.dumps({"Loop": "wrap", "Frames": [[0] * 44] * 5_000})),
    ),
    "bvh blank frames": (
        "human bvh",
        ".bvh",
        lambda p: p.write_text(BVH + " " * 2**20),
    ),
    "bvh blank": ("human bvh", ".bvh", lambda p: p.write_bytes(b"HIERARCHY" + b" " * 2**22)),
    "npy header": (
        "human positions_npy",
        ".npy",
        lambda p: p.write_bytes(_npy((2**40, 24, 3), "<f8", b"x" * 24)),
    ),
    "smpl deflated": (
        "human smpl_npz",
        ".npz",
        lambda p: _archive(
            p, {"poses.npy": _npy((2**19, 72), "<f4", bytes(2**19 * 288))}, zipfile.ZIP_DEFLATED
        ),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_not_fill_the_memory(tmp_path: Path, name: str) -> None:
    kind, suffix, make = BOMBS[name]
    path = tmp_path / f"bomb{suffix}"
    make(path)
    assert _peak(kind, path) < _allowed(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name, item in FORMATS.items() if item.write is not None])
def test_large_good_files_stay_below_ten_times_their_size(
    g1: Robot, clip_of: Callable[[str], MotionClip], tmp_path: Path, kind: str
) -> None:
    clip = clip_of(kind)
    factor = 1
    path = tmp_path / f"large{FORMATS[kind].suffix}"
    while True:
        many = MotionClip(
            **{
                **vars(clip),
                "root_pos": np.tile(clip.root_pos, (factor, 1)),
                "root_quat_wxyz": np.tile(clip.root_quat_wxyz, (factor, 1)),
                "joint_pos": np.tile(clip.joint_pos, (factor, 1)),
            }
        )
        write_motion(many, path, kind)
        if path.stat().st_size > PEAK_FLOOR_BYTES / FACTOR:
            break
        factor = int(factor * 1.5 * PEAK_FLOOR_BYTES / FACTOR / path.stat().st_size) + 1
    assert _peak(kind, path) < FACTOR * path.stat().st_size
