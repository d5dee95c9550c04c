"""Acclaim motion (AMC) on its skeleton (ASF), as in CMU's database; joints are where bones begin.

An AMC holds angles only: it needs its ASF, given or found beside it, and a frame rate, which only
CMU's database fixes (120 Hz).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.text import filled_lines
from mimiclab.motions.human.formats.asf import CMU_LENGTH, Bone, Skeleton, read_skeleton
from mimiclab.motions.human.formats.base import (
    HumanFormat,
    HumanReadOptions,
    RawMotion,
    agreed_fps,
    open_text,
    refuse_unfolding,
)
from mimiclab.motions.human.formats.numbers import line_error, number_table
from mimiclab.motions.human.tree import JointPose, world_poses

END = "_end"
"""What the name of a bone's far end adds to the bone's, where no other bone begins."""
_CMU_FPS = 120.0


def _read(path: Path, options: HumanReadOptions) -> RawMotion:
    """Read skeleton and motion and chain all bones.

    Raises:
        MotionFileError: no ASF or an ambiguous one, bones that the ASF lacks or the AMC leaves
            out, damaged frames, no frame rate.
    """
    if path.suffix.lower() == ".asf":
        raise MotionFileError(
            f"{path}: an ASF is a skeleton without motion; name the .amc file (and this one with "
            "asf=..., on the command line --asf, if it is not beside it)"
        )
    skeleton = read_skeleton(options.asf or _beside(path))
    table, columns, degrees = _motion(path, open_text(path), skeleton)

    factor = 1.0 if degrees else 180.0 / np.pi
    bones = list(skeleton.bones.values())
    joint_names = ["root", *(bone.name for bone in bones)]
    column = {name: i for i, name in enumerate(joint_names)}
    parents = [-1, *(column[bone.parent] for bone in bones)]
    inner = {bone.parent for bone in bones}
    ending = [bone for bone in bones if bone.name not in inner]
    joint_names += [bone.name + END for bone in ending]
    parents += [column[bone.name] for bone in ending]
    size = path.stat().st_size + skeleton.path.stat().st_size
    refuse_unfolding(path, size, len(table), len(joint_names))

    def local(joint: int, part: slice) -> JointPose:
        if joint == 0:
            return _root(skeleton, table[part, columns["root"]], factor)
        if joint > len(bones):
            bone = ending[joint - len(bones) - 1]
            return bone.length * bone.direction, None
        bone = bones[joint - 1]
        above: Bone | None = skeleton.bones.get(bone.parent)
        offset = np.zeros(3) if above is None else above.length * above.direction
        return offset, bone.turn(table[part, columns[bone.name]] * factor) if bone.dof else None

    pos, quat = world_poses(tuple(parents), len(table), local)
    cmu = skeleton.length_unit is not None and abs(skeleton.length_unit - CMU_LENGTH) < 1e-9
    fps = options.fps if options.fps is not None else (_CMU_FPS if cmu else None)
    return RawMotion(
        path=path,
        joint_names=tuple(joint_names),
        parents=tuple(parents),
        pos=pos,
        quat_wxyz=quat,
        fps=agreed_fps(path, None, fps),
        units="cmu" if cmu else None,
    )


def _motion(path: Path, text: str, skeleton: Skeleton) -> tuple[np.ndarray, dict[str, slice], bool]:
    """All numbers (T, C), the columns of each bone, and whether angles are degrees."""
    layout, degrees = _layout(path, text, skeleton)
    widths = [len(_dof(skeleton, name)) for name in layout]
    table = number_table(path, text, lambda: _frames(path, text, layout), sum(widths))
    if not len(table):
        raise MotionFileError(f"{path}: the file has no frames; it is truncated")
    first = np.concatenate([[0], np.cumsum(widths)])
    return table, {n: slice(first[i], first[i + 1]) for i, n in enumerate(layout)}, degrees


def _root(skeleton: Skeleton, values: np.ndarray, factor: float) -> JointPose:
    moves = [i for i, name in enumerate(skeleton.root_order) if name.startswith("t")]
    turns = [i for i, name in enumerate(skeleton.root_order) if name.startswith("r")]
    place = np.tile(skeleton.root_position, (len(values), 1))
    for index in moves:
        place[:, "xyz".index(skeleton.root_order[index][1])] += values[:, index]
    return place, skeleton.root_turn(values[:, turns] * factor)


def _beside(path: Path) -> Path:
    """The skeleton of `02_01.amc`: `02_01.asf`, `02.asf`, or the only one in the folder."""
    try:
        there = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    except OSError:
        there = []
    stems = list(dict.fromkeys([path.stem, path.stem.partition("_")[0]]))
    for stem in stems:
        for found in there:
            if found.stem == stem:
                return found
    if len(there) == 1:
        return there[0]
    listing = f"the folder has {', '.join(p.name for p in there[:8])}" if there else "there is none"
    raise MotionFileError(
        f"{path}: an AMC needs its skeleton; looked for {' and '.join(s + '.asf' for s in stems)} "
        f"beside it ({listing}). Name it with asf=... (on the command line --asf)"
    )


def _dof(skeleton: Skeleton, name: str) -> tuple[str, ...]:
    return skeleton.root_order if name == "root" else skeleton.bones[name].dof


def _layout(path: Path, text: str, skeleton: Skeleton) -> tuple[list[str], bool]:
    """The bones of the first frame in order, and whether angles are in degrees."""
    degrees = skeleton.degrees
    layout: list[str] | None = None
    for at, line in filled_lines(text):
        words = line.split()
        if words[0].startswith("#") and layout is None:
            continue
        if words[0].startswith(":"):
            degrees = {":DEGREES": True, ":RADIANS": False}.get(words[0].upper(), degrees)
        elif len(words) == 1 and words[0].isdecimal():
            if layout is not None:
                break
            layout = []
        elif layout is None:
            raise line_error(path, text, at, f"{words[0]!r} before the first frame number")
        else:
            if words[0] != "root" and words[0] not in skeleton.bones:
                raise line_error(
                    path,
                    text,
                    at,
                    f"the bone {words[0]!r} is not in the skeleton {skeleton.path.name}; is it "
                    "another subject's? Name the right one with asf=... (on the command line "
                    f"--asf). It has {', '.join(skeleton.bones)}",
                )
            expected = len(_dof(skeleton, words[0]))
            if len(words) - 1 != expected or words[0] in layout:
                raise line_error(
                    path,
                    text,
                    at,
                    f"the bone {words[0]!r} has {len(words) - 1} numbers, expected {expected}, "
                    f"once, by {skeleton.path.name}",
                )
            layout.append(words[0])
    if not layout:
        raise MotionFileError(f"{path}: no frame in the file; not an AMC, or a truncated one")
    moving = ["root", *(bone.name for bone in skeleton.bones.values() if bone.dof)]
    absent = [name for name in moving if name not in layout]
    if absent:
        raise MotionFileError(
            f"{path}: its frames lack the bones {', '.join(absent)}, which move in "
            f"{skeleton.path.name}; is it another subject's? Name the right one with asf=... (on "
            "the command line --asf)"
        )
    return layout, degrees


def _frames(path: Path, text: str, names: list[str]) -> Iterator[tuple[int, str]]:
    """All numbers of each frame on one line, and where the frame begins."""
    number, start, parts, seen = None, 0, [], 0
    for at, line in filled_lines(text):
        first = line.lstrip()[0]
        if first == "#" or first == ":":
            continue
        words = line.split(None, 1)
        if len(words) == 1 and words[0].isdecimal() and len(words[0]) < 10:
            if number is not None:
                if seen != len(names):
                    raise line_error(path, text, start, f"frame {number} lacks {names[seen]!r}")
                yield start, " ".join(parts)
                if int(words[0]) != number + 1:
                    raise line_error(path, text, at, f"frame {words[0]} follows frame {number}")
            number, start, parts, seen = int(words[0]), at, [], 0
            continue
        if seen >= len(names) or words[0] != names[seen]:
            expected = names[seen] if seen < len(names) else "the next frame's number"
            raise line_error(path, text, at, f"{words[0][:40]!r} where {expected!r} was expected")
        parts.append(words[1] if len(words) > 1 else "")
        seen += 1
    if number is not None:
        if seen != len(names):
            raise line_error(
                path, text, start, f"frame {number} lacks {names[seen]!r}; the file is truncated"
            )
        yield start, " ".join(parts)


def _recognise(path: Path, head: bytes) -> bool:
    return b":FULLY-SPECIFIED" in head.upper() or b":BONEDATA" in head.upper()


FORMAT = HumanFormat(
    name="asf_amc",
    suffixes=(".amc",),
    summary="Acclaim AMC with its ASF beside it or named, CMU's database (120 fps, its own unit)",
    recognise=_recognise,
    read=_read,
)
