"""A clip cut, raised and extended by still frames or a way from and to the default pose."""

from dataclasses import dataclass, fields, replace

import numpy as np

from mimiclab.errors import MotionError
from mimiclab.maths.rotations import quat_slerp, quat_yaw
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.synthesis.profiles import smoothstep
from mimiclab.robots import Robot, get_robot

_LONGEST_ADDED_S = 600.0


@dataclass(frozen=True, kw_only=True)
class ClipEdit:
    """What is done to a clip between its file and its use, from top to bottom.

    Raises:
        MotionError: a number that is negative, not finite, or an end that is before the start.
    """

    start: float | None = None
    """Leave out what is before this time, s."""
    end: float | None = None
    """Leave out what is after this time, s, counted as in the file."""
    longest: float | None = None
    """Keep no more than the first so many seconds of the rest."""
    height: float = 0.0
    """Raise the robot by this, m; objects and terrain stay."""
    hold_start: float = 0.0
    """Stand still in the first frame for so many seconds before it."""
    hold_end: float = 0.0
    """Stand still in the last frame for so many seconds after it."""
    default_start: float = 0.0
    """Begin in the robot's default pose, so many seconds before all that."""
    default_end: float = 0.0
    """End in the robot's default pose, so many seconds after it."""

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            if value is None:
                continue
            added = key.startswith(("hold_", "default_"))
            top = _LONGEST_ADDED_S if added else np.inf
            low = -np.inf if key == "height" else 0.0
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise MotionError(f"{key} is {value!r}, expected a number")
            if not (np.isfinite(value) and low <= value <= top):
                raise MotionError(
                    f"{key} is {value:g}, expected "
                    f"{f'0 to {top:g} s' if added else 'a number' if low else '0 s or more'}"
                )
        if self.end is not None and self.end < (self.start or 0.0):
            raise MotionError(
                f"end {self.end:g} s is before start {self.start or 0:g} s; exchange them"
            )

    @property
    def piece(self) -> str:
        """What the name of a cut clip gets, as `-1s-2.5s`; empty where nothing is cut."""
        if not self.start and self.end is None:
            return ""
        end = "end" if self.end is None else f"{self.end:g}s"
        return f"-{self.start or 0:g}s-{end}"

    def given(self) -> dict[str, float]:
        """What is not left at its default."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {key: value for key, value in found.items() if value}

    def merged(self, inner: "ClipEdit") -> "ClipEdit":
        """Both at once.

        Raises:
            MotionError: both say the same thing, which would have to be done twice.
        """
        twice = sorted(self.given().keys() & inner.given().keys())
        if twice:
            raise MotionError(
                f"{' and '.join(twice)} is given for a clip and again for a set that holds it; "
                "give it once"
            )
        return ClipEdit(**inner.given(), **self.given())

    def cut(self, clip: MotionClip) -> MotionClip:
        """The frames from `start` to `end`, both inclusive, at most `longest` seconds of them.

        Raises:
            MotionError: the clip ends before, or no frame is between.
        """
        last = clip.num_frames - 1
        # A millionth of a frame covers times that floating point cannot hold.
        begin = int(np.ceil((self.start or 0.0) * clip.fps - 1e-6))
        stop = last if self.end is None else int(np.floor(self.end * clip.fps + 1e-6))
        if begin > last or stop > last or stop < begin:
            raise MotionError(
                f"motion {clip.name!r}: cannot keep {self.start or 0:g} s to "
                f"{'its end' if self.end is None else f'{self.end:g} s'}, it has "
                f"{clip.num_frames} frames in {clip.duration_s:g} s; choose times within"
            )
        if self.longest is not None:
            stop = min(stop, begin + int(np.floor(self.longest * clip.fps + 1e-6)))
        return clip if (begin, stop) == (0, last) else clip.cut(begin, stop + 1)

    def extend(self, clip: MotionClip, robot: Robot | None = None) -> MotionClip:
        """The clip raised, with still frames and ways from and to the default pose.

        A foot that stands where frames are added is said to stand in all of them.

        Raises:
            MotionError: a default pose on terrain, whose height is not known here.
        """
        if self.height:
            clip = replace(clip, root_pos=clip.root_pos + np.array([0.0, 0.0, self.height]))
        clip = _padded(clip, round(self.hold_start * clip.fps), round(self.hold_end * clip.fps))
        before = round(self.default_start * clip.fps)
        after = round(self.default_end * clip.fps)
        if not (before or after):
            return clip
        if clip.terrain:
            raise MotionError(
                f"motion {clip.name!r} is on the terrain {clip.terrain!r}: how high its default "
                "pose stands is not known; use hold_start and hold_end there"
            )
        robot = robot or get_robot(clip.robot)
        clip = _padded(clip, before, after)
        last = clip.num_frames - 1
        share = np.ones(last + 1)
        share[:before] = smoothstep(np.arange(before) / max(before, 1))
        share[last + 1 - after :] = smoothstep(np.arange(after)[::-1] / max(after, 1))
        stand = _default_pose(clip, robot)
        mix = share[:, None]

        def ease(pose: np.ndarray, values: np.ndarray) -> np.ndarray:
            # Frames that were there before stay as they are, to the last digit.
            return np.where(mix == 1.0, values, pose + mix * (values - pose))

        turned = quat_slerp(stand.root_quat_wxyz, clip.root_quat_wxyz, share)
        return replace(
            clip,
            root_pos=ease(stand.root_pos, clip.root_pos),
            root_quat_wxyz=np.where(mix == 1.0, clip.root_quat_wxyz, turned),
            joint_pos=ease(stand.joint_pos, clip.joint_pos),
        )

    def apply(self, clip: MotionClip, robot: Robot | None = None) -> MotionClip:
        """All of it; see `cut` and `extend`."""
        return self.extend(self.cut(clip), robot)


def _padded(clip: MotionClip, before: int, after: int) -> MotionClip:
    """First and last frame repeated."""
    if not (before or after):
        return clip

    def pad(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[:1].repeat(before, 0), values, values[-1:].repeat(after, 0)])

    contacts = clip.foot_contacts
    return replace(
        clip,
        root_pos=pad(clip.root_pos),
        root_quat_wxyz=pad(clip.root_quat_wxyz),
        joint_pos=pad(clip.joint_pos),
        foot_contacts=None if contacts is None else pad(contacts),
        objects=tuple(
            replace(item, pos_w=pad(item.pos_w), quat_wxyz_w=pad(item.quat_wxyz_w))
            for item in clip.objects
        ),
    )


def _default_pose(clip: MotionClip, robot: Robot) -> MotionClip:
    """The robot standing upright in its default pose, where and whither the clip has it."""
    places = clip.root_pos.copy()
    places[:, 2] = robot.default_root_height
    angles = dict(zip(robot.joint_names, robot.default_pose, strict=True))
    pose = np.array([angles[name] for name in clip.joint_names])
    return replace(
        clip,
        root_pos=places,
        root_quat_wxyz=quat_yaw(clip.root_quat_wxyz),
        joint_pos=np.tile(pose, (clip.num_frames, 1)),
    )
