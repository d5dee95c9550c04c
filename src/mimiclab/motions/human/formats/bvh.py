"""Biovision BVH: a tree of joints, each with channels of its own in any order, degrees.

The first rotation channel turns outermost. A joint's position channels stand in place of its
offset, as in Motion Builder's, Bandai Namco's and LAFAN1's files; the exception are channels of a
joint below the root that are zero throughout while its offset is not, which add to it (they would
otherwise put the bone's ends in one place). Units and up axis are not in the file. Own parser:
`docs/decisions/0005-own-parsers.md`.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.text import filled_lines
from mimiclab.motions.human.formats.base import (
    HumanFormat,
    HumanReadOptions,
    RawMotion,
    agreed_fps,
    open_text,
    refuse_unfolding,
)
from mimiclab.motions.human.formats.numbers import line_error, number_table, whole_rate
from mimiclab.motions.human.tree import JointPose, turns_in_order, world_poses

END = "_end"
"""What the name of an End Site adds to its joint's name."""
_AXES = {"x": 0, "y": 1, "z": 2}
_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?P<joint>ROOT|JOINT)[ \t]+(?P<name>[^\n{}]+)|(?P<end>End[ \t]*Site)[^\n{}]*"
    r"|OFFSET(?P<offset>[^\n{}]*)|CHANNELS(?P<channels>[^\n{}]*)|(?P<brace>[{}])|(?P<other>\S+)",
    re.IGNORECASE,
)
_MOTION = re.compile(r"^[ \t]*MOTION[ \t]*$", re.MULTILINE | re.IGNORECASE)
_HEADER = re.compile(
    r"\s*Frames[ \t]*:[ \t]*(\S+)\s+Frame[ \t]*Time[ \t]*:[ \t]*(\S+)[ \t]*(?:\n|$)", re.IGNORECASE
)


@dataclass(slots=True)
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...] = ()
    positions: list[tuple[int, int]] = field(default_factory=list)
    """(axis, column of the motion) of each position channel."""
    rotations: list[tuple[int, int]] = field(default_factory=list)
    is_end: bool = False
    """Whether it is an End Site, which has neither channels nor children."""
    ends: int = 0
    """Number of End Sites below it."""
    has_channels: bool = False
    adds: bool = False
    """Whether its position channels add to the offset, instead of standing in its place."""

    @property
    def moves(self) -> list[int]:
        """Columns of the position channels."""
        return [column for _, column in self.positions]


def _read(path: Path, options: HumanReadOptions) -> RawMotion:
    """Read the tree and chain all joints.

    Raises:
        MotionFileError: anything that is not a whole BVH; the message names the line.
    """
    joints, table, rate = _parse(path, open_text(path))
    parents = tuple(joint.parent for joint in joints)
    for joint in joints:
        # Zero throughout, where the offset is not: such channels can only be meant to add to it.
        joint.adds = joint.parent >= 0 and any(joint.offset) and not table[:, joint.moves].any()

    def local(joint: int, part: slice) -> JointPose:
        return _local(joints[joint], table[part])

    pos, quat = world_poses(parents, len(table), local)
    return RawMotion(
        path=path,
        joint_names=tuple(joint.name for joint in joints),
        parents=parents,
        pos=pos,
        quat_wxyz=quat,
        fps=agreed_fps(path, rate, options.fps),
    )


def _parse(path: Path, text: str) -> tuple[list[_Joint], np.ndarray, float]:
    """Joints, the motion (T, channels) and the frame rate."""
    motion = _MOTION.search(text)
    joints, channels = _hierarchy(path, text[: motion.start()] if motion else text)
    if motion is None:
        raise MotionFileError(
            f"{path}: there is no MOTION line after the skeleton; the file is truncated"
        )
    header = _HEADER.match(text, motion.end())
    if header is None:
        raise line_error(
            path,
            text,
            motion.end() + 1,
            "expected `Frames: N` and then `Frame Time: seconds` after MOTION",
        )
    frames, frame_time = _header(path, header[1], header[2])
    table = number_table(path, text, lambda: filled_lines(text, header.end()), channels)
    if len(table) != frames:
        raise MotionFileError(
            f"{path}: the file declares {frames} frames but has {len(table)} motion lines; it is "
            "truncated or was edited, correct `Frames:` or copy it again"
        )
    refuse_unfolding(path, len(text), frames, len(joints))
    return joints, table, whole_rate(frame_time, header[2])


def _local(joint: _Joint, values: np.ndarray) -> JointPose:
    """Pose in the parent's frame for some rows of the motion."""
    turn = None
    if joint.rotations:
        axes, columns = zip(*joint.rotations, strict=True)
        turn = turns_in_order(axes, values[:, columns])
    if not joint.positions or joint.adds:
        return np.array(joint.offset), turn
    place = np.tile(np.array(joint.offset), (len(values), 1))
    place[:, [axis for axis, _ in joint.positions]] = values[:, joint.moves]
    return place, turn


def _header(path: Path, frames: str, frame_time: str) -> tuple[int, float]:
    try:
        count, step = int(frames), float(frame_time)
    except ValueError as error:
        raise MotionFileError(
            f"{path}: Frames is {frames!r} and Frame Time {frame_time!r}; expected a whole number "
            "and seconds"
        ) from error
    if count < 1:
        raise MotionFileError(f"{path}: the file declares {count} frames, expected at least one")
    if not (np.isfinite(step) and 1e-5 < step < 1e3):
        raise MotionFileError(
            f"{path}: Frame Time is {step:g} s, expected the time between frames such as 0.033333"
        )
    return count, step


def _hierarchy(path: Path, text: str) -> tuple[list[_Joint], int]:
    """The joints in file order and the number of channels.

    A stack instead of recursion, since files may nest deeper than Python calls may.
    """
    joints: list[_Joint] = []
    stack: list[int] = []
    waiting = None  # joint whose `{` must come next
    channels = 0

    def wrong(match: re.Match, what: str) -> MotionFileError:
        return line_error(path, text, match.start(), what)

    start = re.match(r"\s*HIERARCHY\b", text, re.IGNORECASE)
    if start is None:
        raise MotionFileError(f"{path}: not a BVH file, which begins with the word HIERARCHY")
    for match in _TOKEN.finditer(text, start.end()):
        kind, token = match.lastgroup, match.group().strip()[:60]
        if waiting is not None and token != "{":
            raise wrong(match, f"expected '{{' after joint {joints[waiting].name!r}, got {token!r}")
        current = joints[stack[-1]] if stack else None
        if match["joint"] or match["end"]:
            is_root = bool(match["joint"]) and match["joint"].upper() == "ROOT"
            if is_root != (current is None) or (current is not None and current.is_end):
                raise wrong(match, f"{token!r} is not expected here")
            joints.append(_new_joint(match, current, stack[-1] if stack else -1))
            waiting = len(joints) - 1
        elif kind == "brace" and token == "{":
            if waiting is None:
                raise wrong(match, "'{' without a joint before it")
            stack.append(waiting)
            waiting = None
        elif kind == "brace":
            if current is None:
                raise wrong(match, "more '}' than '{'")
            if not current.offset:
                raise wrong(match, f"joint {current.name!r} has no OFFSET")
            stack.pop()
        elif current is None:
            raise wrong(match, f"{token!r} outside of any joint")
        elif kind == "offset":
            current.offset = _offset(match["offset"])
            if len(current.offset) != 3 or not np.isfinite(current.offset).all():
                raise wrong(match, f"{token!r}: expected OFFSET with three finite numbers")
        elif kind == "channels" and not current.is_end and not current.has_channels:
            current.has_channels = True
            problem = _channels(current, match["channels"].split(), channels)
            if problem:
                raise wrong(match, problem)
            channels += len(current.positions) + len(current.rotations)
        else:
            raise wrong(match, f"{token!r} is not expected in joint {current.name!r}")
    if stack or waiting is not None:
        raise MotionFileError(
            f"{path}: {len(stack) + (waiting is not None)} '{{' without '}}' before MOTION; the "
            "file is damaged"
        )
    _check(path, joints)
    return joints, channels


def _new_joint(match: re.Match, parent: _Joint | None, column: int) -> _Joint:
    if match["joint"] or parent is None:
        return _Joint(match["name"].strip(), column)
    parent.ends += 1
    number = str(parent.ends) if parent.ends > 1 else ""
    return _Joint(f"{parent.name}{END}{number}", column, is_end=True)


def _offset(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split())
    except ValueError:
        return ()


def _channels(joint: _Joint, words: list[str], first: int) -> str:
    """Add the channels to the joint; returns what is wrong, or nothing."""
    if (
        not words
        or not words[0].isdecimal()
        or len(words[0]) > 6
        or int(words[0]) != len(words) - 1
    ):
        return (
            f"joint {joint.name!r} has CHANNELS {' '.join(words[:8])!r}; expected their number and "
            "that many names"
        )
    for column, word in enumerate(words[1:], first):
        found = _CHANNEL.fullmatch(word)
        if found is None:
            return (
                f"joint {joint.name!r} has the unknown channel {word[:40]!r}; known are "
                "Xposition, Yposition, Zposition, Xrotation, Yrotation, Zrotation"
            )
        axis, kind = _AXES[found[1].lower()], found[2].lower()
        into = joint.positions if kind == "position" else joint.rotations
        if kind == "position" and axis in dict(into):
            return f"joint {joint.name!r} has the channel {word!r} twice"
        into.append((axis, column))
    if len(joint.rotations) > 3:
        return f"joint {joint.name!r} has {len(joint.rotations)} rotation channels, expected 3"
    return ""


def _check(path: Path, joints: list[_Joint]) -> None:
    if not joints:
        raise MotionFileError(f"{path}: the skeleton has no joints (no ROOT)")
    counts = Counter(joint.name for joint in joints)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise MotionFileError(
            f"{path}: joint names occur twice: {', '.join(twice[:10])}; rename them, since "
            "landmark maps go by names"
        )


def _recognise(path: Path, head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:9].upper() == b"HIERARCHY"


FORMAT = HumanFormat(
    name="bvh",
    suffixes=(".bvh",),
    summary="Biovision BVH: any joints, per-joint channels; units and up axis found or declared",
    recognise=_recognise,
    read=_read,
)
