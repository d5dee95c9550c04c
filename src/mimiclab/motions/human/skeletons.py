"""Landmark maps of human skeletons: which joints, or points between them, are which landmark.

Maps are YAML data: the shipped ones in `assets/skeletons`, or a user's own file by path.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.robots.robot import LANDMARKS

_KEYS = {"name", "description", "source", "recognise", "optional", "joints", "landmarks"}
_EXAMPLE = (
    "expected `name: ...` and `landmarks:` with landmarks like `left_knee: LeftLeg`, "
    "`pelvis: [LeftUpLeg, RightUpLeg]` (midway), `left_hand: {from: LeftForeArm, to: LeftHand, "
    "share: 1.3}` (on the line) or `head: {joint: Head, offset: [0, 0.1, 0]}` (m, joint's frame)"
)
CORE = ("left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle")
"""Landmarks without which no map is of use."""


@dataclass(frozen=True)
class SkeletonPoint:
    """A landmark as a weighted mean of joints (weights sum to 1), plus an offset in one's frame."""

    weights: tuple[tuple[str, float], ...]
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the frame of the only joint, m."""


@dataclass(frozen=True, kw_only=True)
class SkeletonMap:
    """A named skeleton and where the landmarks are on it."""

    name: str
    description: str
    source: str
    points: dict[str, SkeletonPoint]
    """By names of `LANDMARKS`; a skeleton may lack some."""
    recognise: tuple[str, ...] = ()
    """Further joints that files of this skeleton have."""
    optional: tuple[str, ...] = ()
    """Landmarks that files may lack the joints for."""
    tree: tuple[tuple[str, str], ...] = ()
    """Joints in the order of files that do not name them, each with its parent (empty for a root);
    empty where all such files have names."""

    @property
    def required_joints(self) -> set[str]:
        """Joints without which this is another skeleton."""
        found = set(self.recognise)
        for landmark, point in self.points.items():
            if landmark not in self.optional:
                found |= {joint for joint, _ in point.weights}
        return found

    @property
    def joints(self) -> set[str]:
        """All joints that the map speaks of."""
        return set(self.recognise) | {j for p in self.points.values() for j, _ in p.weights}

    def columns(self, joint_names: Iterable[str]) -> dict[str, int]:
        """Column of each of the map's joints that is there; a namespace (`rig:`) does not count."""
        found: dict[str, int] = {}
        for column, name in enumerate(joint_names):
            found.setdefault(name.rpartition(":")[2], column)
        return {joint: found[joint] for joint in self.joints if joint in found}


def skeleton_names() -> tuple[str, ...]:
    """Names of the shipped maps."""
    folder = files("mimiclab").joinpath("assets", "skeletons")
    return tuple(
        sorted(p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml"))
    )


def load_skeleton(name_or_path: str | Path) -> SkeletonMap:
    """A shipped map by name, or a user's by the path of its YAML file.

    Raises:
        UnknownNameError: neither a file nor a shipped name; the nearest names are offered.
        MotionFileError: the file is missing or not a landmark map.
    """
    text = str(name_or_path)
    if text in skeleton_names():
        return _shipped(text)
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        raise UnknownNameError("skeleton", text, skeleton_names())
    try:
        return parse_skeleton(path.read_text(encoding="utf-8"), text)
    except (OSError, UnicodeDecodeError) as error:
        raise MotionFileError(
            f"{path}: cannot be read as a landmark map ({error}); shipped maps are "
            f"{', '.join(skeleton_names())}"
        ) from error


@lru_cache
def _shipped(name: str) -> SkeletonMap:
    file = files("mimiclab").joinpath("assets", "skeletons", f"{name}.yaml")
    return parse_skeleton(file.read_text(encoding="utf-8"), name)


def parse_skeleton(text: str, where: str) -> SkeletonMap:
    """A landmark map from YAML; `where` is for messages.

    Raises:
        MotionFileError: not YAML, unknown keys or landmarks, or points of no known form.
    """
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise MotionFileError(f"{where}: not valid YAML ({error}); {_EXAMPLE}") from error
    if not isinstance(data, dict) or not isinstance(data.get("landmarks"), dict):
        raise MotionFileError(f"{where}: not a landmark map; {_EXAMPLE}")
    unknown = sorted(map(str, data.keys() - _KEYS))
    unknown += sorted(str(key) for key in data["landmarks"] if key not in LANDMARKS)
    unknown += sorted(str(key) for key in _strings(data, "optional", where) if key not in LANDMARKS)
    if unknown:
        raise MotionFileError(
            f"{where}: unknown {', '.join(unknown)}; keys are {', '.join(sorted(_KEYS))} and "
            f"landmarks are {', '.join(LANDMARKS)}"
        )
    absent = [landmark for landmark in CORE if landmark not in data["landmarks"]]
    if absent:
        raise MotionFileError(f"{where}: the landmarks {', '.join(absent)} are needed; {_EXAMPLE}")
    return SkeletonMap(
        name=where if Path(where).suffix else str(data.get("name", where)),
        description=str(data.get("description", "")),
        source=str(data.get("source", "")),
        points={key: _point(where, key, value) for key, value in data["landmarks"].items()},
        recognise=_strings(data, "recognise", where),
        optional=_strings(data, "optional", where),
        tree=_tree(data.get("joints", {}), where),
    )


def _tree(joints: object, where: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for joint, parent in joints.items() if isinstance(joints, dict) else [(None, None)]:
        if not isinstance(joint, str) or not (parent is None or parent in found):
            raise MotionFileError(
                f"{where}: `joints` has {joint!r}: {parent!r}; expected `joint: parent` for every "
                "joint in the order of the file, parents before children, a root without parent"
            )
        found[joint] = parent or ""
    return tuple(found.items())


def _strings(data: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MotionFileError(f"{where}: `{key}` is no list of names; {_EXAMPLE}")
    return tuple(value)


def _point(where: str, landmark: str, value: object) -> SkeletonPoint:
    match value:
        case str():
            return SkeletonPoint(((value, 1.0),))
        case [*joints] if joints and all(isinstance(joint, str) for joint in joints):
            return SkeletonPoint(tuple((joint, 1.0 / len(joints)) for joint in joints))
        case {"from": str(start), "to": str(end), "share": int() | float() as share, **rest}:
            if not rest and start != end and -10.0 < share < 10.0:
                return SkeletonPoint(((start, 1.0 - share), (end, float(share))))
        case {"joint": str(joint), "offset": [*offset], **rest}:
            numbers = [x for x in offset if isinstance(x, int | float) and abs(x) < 10.0]
            if not rest and len(offset) == len(numbers) == 3:
                return SkeletonPoint(((joint, 1.0),), (numbers[0], numbers[1], numbers[2]))
    raise MotionFileError(f"{where}: {landmark} is {value!r}; {_EXAMPLE}")


def recognise_skeleton(joint_names: tuple[str, ...]) -> SkeletonMap | None:
    """The shipped map whose joints are all there; of several, the one that knows most of them."""
    fitting = []
    for name in skeleton_names():
        skeleton = load_skeleton(name)
        columns = skeleton.columns(joint_names)
        if skeleton.required_joints <= columns.keys():
            fitting.append((len(columns), skeleton))
    return max(fitting, key=lambda item: item[0])[1] if fitting else None


def nearest_skeleton(joint_names: tuple[str, ...]) -> tuple[SkeletonMap, list[str]]:
    """The shipped map that lacks the smallest share of its joints, and those that it lacks."""
    lacking = []
    for name in skeleton_names():
        skeleton = load_skeleton(name)
        absent = sorted(skeleton.required_joints - skeleton.columns(joint_names).keys())
        lacking.append((len(absent) / len(skeleton.required_joints), skeleton, absent))
    _, skeleton, absent = min(lacking, key=lambda item: item[0])
    return skeleton, absent
