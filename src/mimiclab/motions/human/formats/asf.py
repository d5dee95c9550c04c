"""Acclaim skeletons (ASF): bones with a direction, a length, a rest orientation and free axes."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_conjugate, quat_multiply
from mimiclab.motions.human.formats.base import open_text
from mimiclab.motions.human.tree import turns_in_order

_AXES = {"x": 0, "y": 1, "z": 2}
_TURNS = ("rx", "ry", "rz")
_MOVES = ("tx", "ty", "tz")
CMU_LENGTH = 0.45
"""The `length` of CMU's skeletons: their numbers times 1 / 0.45 are inches."""


@dataclass
class Bone:
    """One bone; its joint is where it begins, which is where its parent ends."""

    name: str
    direction: np.ndarray
    """Unit vector in the skeleton's rest pose, global axes. Shape (3,)."""
    length: float
    """In file units."""
    rest: np.ndarray
    """Orientation of the bone's own axes in the rest pose, wxyz. Shape (4,)."""
    dof: tuple[str, ...]
    """Free axes in the order of the numbers in an AMC: some of `rx`, `ry`, `rz`."""
    parent: str = ""

    def turn(self, degrees: np.ndarray) -> np.ndarray | None:
        """Turn against the rest pose in the parent's frame. Shape (T, 4) for degrees (T, dof).

        The first free axis turns first, about the bone's own rest axes, which the parent carries.
        """
        own = _first_turns_first([axis[1] for axis in self.dof], degrees)
        if own is None:
            return None
        return quat_multiply(quat_multiply(self.rest, own), quat_conjugate(self.rest))


@dataclass
class Skeleton:
    """What an ASF file says."""

    path: Path
    bones: dict[str, Bone] = field(default_factory=dict)
    """By name, parents before children; without the root."""
    root_order: tuple[str, ...] = ()
    """What the root's numbers in an AMC are: some of tx ty tz rx ry rz, in that order."""
    root_axis: str = "xyz"
    """Axes of the root's turns, first one first."""
    root_position: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length_unit: float | None = None
    degrees: bool = True

    def root_turn(self, degrees: np.ndarray) -> np.ndarray | None:
        """Orientation of the root. Shape (T, 4) for turns (T, n) in the order of `root_order`."""
        turns = [name[1] for name in self.root_order if name in _TURNS]
        order = [axis for axis in self.root_axis if axis in turns]
        return _first_turns_first(order, degrees[:, [turns.index(axis) for axis in order]])


def _first_turns_first(axes: list[str], degrees: np.ndarray) -> np.ndarray | None:
    backward = tuple(_AXES[axis] for axis in reversed(axes))
    return turns_in_order(backward, np.asarray(degrees)[..., ::-1])


def read_skeleton(path: Path) -> Skeleton:
    """Read an ASF file.

    Raises:
        MotionFileError: not an ASF, or one that is incomplete or of an unknown kind; the message
            names the line.
    """
    sections = _sections(path, open_text(path))
    absent = [key for key in ("root", "bonedata", "hierarchy") if key not in sections]
    if absent:
        raise MotionFileError(
            f"{path}: no section {', '.join(':' + key for key in absent)}; not an ASF skeleton, or "
            "a truncated one"
        )
    skeleton = Skeleton(path)
    for line, words in sections.get("units", []):
        if words[0] == "length":
            skeleton.length_unit = _numbers(path, line, words[1:], 1)[0]
        elif words[0] == "angle":
            if words[1:] not in (["deg"], ["rad"]):
                raise _wrong(path, line, f"angle is {' '.join(words[1:])!r}, expected deg or rad")
            skeleton.degrees = words[1] == "deg"
    _read_root(skeleton, sections["root"])
    bones = _read_bones(skeleton, sections["bonedata"])
    _read_hierarchy(skeleton, sections["hierarchy"], bones)
    return skeleton


_Lines = list[tuple[int, list[str]]]
"""Line numbers and lower-case words."""


def _sections(path: Path, text: str) -> dict[str, _Lines]:
    sections: dict[str, _Lines] = {}
    current: _Lines = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split()
        if words and words[0].startswith(":"):
            current = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            # Keywords in any case; names keep theirs, as those of an AMC do.
            current.append((number, words))
    return sections


def _read_root(skeleton: Skeleton, lines: _Lines) -> None:
    path = skeleton.path
    for line, words in lines:
        key, rest = words[0].lower(), words[1:]
        if key == "order":
            skeleton.root_order = tuple(word.lower() for word in rest)
            known = {*_TURNS, *_MOVES}
            if not set(rest) or len(set(skeleton.root_order) & known) != len(rest):
                raise _wrong(path, line, f"order is {' '.join(rest)!r}, expected TX TY TZ RX RY RZ")
        elif key == "axis":
            skeleton.root_axis = _axis_order(path, line, rest[:1])
        elif key == "position":
            skeleton.root_position = _numbers(path, line, rest, 3)
        elif key == "orientation" and _numbers(path, line, rest, 3).any():
            raise _wrong(path, line, "the root is turned in the rest pose; expected 0 0 0")
    if not skeleton.root_order:
        raise MotionFileError(f"{path}: the root has no `order` of its numbers")


def _read_bones(skeleton: Skeleton, lines: _Lines) -> dict[str, Bone]:
    path = skeleton.path
    factor = 1.0 if skeleton.degrees else 180.0 / np.pi
    bones: dict[str, Bone] = {}
    fields: dict[str, tuple[int, list[str]]] | None = None
    for line, words in lines:
        key = words[0].lower()
        if key == "begin":
            fields = {}
        elif key == "end" and fields is not None:
            bone = _bone(path, line, fields, factor)
            if bone.name in bones or bone.name == "root":
                raise _wrong(path, line, f"the bone {bone.name!r} is there twice")
            bones[bone.name] = bone
            fields = None
        elif fields is not None:
            fields.setdefault(key, (line, words[1:]))  # `limits` go on over lines of their own
        else:
            raise _wrong(path, line, f"{words[0]!r} outside of `begin` and `end`")
    if fields is not None or not bones:
        raise MotionFileError(f"{path}: :bonedata ends within a bone; the file is truncated")
    return bones


def _bone(path: Path, end: int, fields: dict[str, tuple[int, list[str]]], factor: float) -> Bone:
    absent = [key for key in ("name", "direction", "length", "axis") if key not in fields]
    if absent or len(fields["name"][1]) != 1:
        raise _wrong(path, end, f"a bone without {', '.join(absent) or 'a name of one word'}")
    name = fields["name"][1][0]
    direction = _numbers(path, *fields["direction"], 3)
    norm = np.linalg.norm(direction)
    if norm < 1e-6:
        raise _wrong(path, fields["direction"][0], f"the bone {name!r} has no direction")
    line, words = fields["axis"]
    angles = _numbers(path, line, words[:3], 3) * factor
    rest = _first_turns_first(
        list(order := _axis_order(path, line, words[3:])), angles[["xyz".index(a) for a in order]]
    )
    assert rest is not None
    line, dof = fields.get("dof", (end, []))
    free = tuple(word.lower() for word in dof)
    if set(free) - set(_TURNS) or len(set(free)) != len(free):
        raise _wrong(path, line, f"dof is {' '.join(dof)!r}, expected some of rx ry rz")
    length = _numbers(path, *fields["length"], 1)[0]
    return Bone(name, direction / norm, length, rest, free)


def _read_hierarchy(skeleton: Skeleton, lines: _Lines, bones: dict[str, Bone]) -> None:
    path = skeleton.path
    children: dict[str, list[str]] = {}
    for line, words in lines:
        if words[0].lower() in ("begin", "end"):
            continue
        for name in words:
            if name != "root" and name not in bones:
                raise _wrong(path, line, f"the bone {name!r} is not in :bonedata")
        for name in words[1:]:
            if name == "root" or bones[name].parent:
                raise _wrong(path, line, f"the bone {name!r} has two parents")
            bones[name].parent = words[0]
        children.setdefault(words[0], []).extend(words[1:])
    waiting = ["root"]
    while waiting:
        name = waiting.pop()
        if name != "root":
            skeleton.bones[name] = bones[name]
        waiting += reversed(children.get(name, []))
    loose = sorted(bones.keys() - skeleton.bones.keys())
    if loose:
        raise MotionFileError(
            f"{path}: the bones {', '.join(loose[:8])} do not hang on the root; complete :hierarchy"
        )


def _axis_order(path: Path, line: int, words: list[str]) -> str:
    order = words[0].lower() if len(words) == 1 else ""
    if sorted(order) != ["x", "y", "z"]:
        raise _wrong(path, line, f"the axis order is {' '.join(words)!r}, expected such as XYZ")
    return order


def _numbers(path: Path, line: int, words: list[str], count: int) -> np.ndarray:
    try:
        found = np.array([float(word) for word in words])
    except ValueError:
        found = np.empty(0)
    if len(found) != count or not np.isfinite(found).all():
        raise _wrong(path, line, f"got {' '.join(words)[:60]!r}, expected {count} finite numbers")
    return found


def _wrong(path: Path, line: int, what: str) -> MotionFileError:
    return MotionFileError(f"{path}: line {line}: {what}")
