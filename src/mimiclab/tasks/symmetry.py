"""Left-right symmetry of what policies see and do: which number becomes which, with what sign.

Reflection in the sagittal plane (x forward, z up) turns y into -y. A robot that is mirrored sees
the mirror image of its observations, term by term; terms are known by their names. The phases of
the gait swap feet: Holosoma negates the left one instead, which gives phases that never occur.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.robots import Robot

_VECTOR = np.array([1.0, -1.0, 1.0])  # points, linear velocities, gravity
_ROTATION = np.array([-1.0, 1.0, -1.0])  # angular velocities
# Two columns of a rotation matrix, row by row: entry ij takes the signs of axes i and j.
_TWO_COLUMNS = np.array([1.0, -1.0, -1.0, 1.0, 1.0, -1.0])


@dataclass(frozen=True)
class TermMirror:
    """`mirrored = signs * values[..., indices]`."""

    indices: np.ndarray
    """Number that takes each place (D,)."""
    signs: np.ndarray
    """1 or -1 for each place (D,)."""

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The mirror image of values (..., D)."""
        return self.signs * np.asarray(values)[..., self.indices]

    @property
    def size(self) -> int:
        """D."""
        return len(self.indices)


def mirror_of_terms(
    robot: Robot, sizes: Mapping[str, int], history: Mapping[str, int] | None = None
) -> dict[str, TermMirror]:
    """The mirror of each observation term of the velocity or the tracking task.

    Args:
        robot: whose joints and bodies swap; tracked bodies are `robot.tracked_bodies`.
        sizes: names of terms to their sizes, history included.
        history: frames in terms that have more than one.

    Raises:
        UnknownNameError: a term that is not known here.
        MimiclabError: a term without a mirror image, or of another size than expected.
        RobotError: the robot is not symmetric.
    """
    frames = history or {}
    return {name: _of_term(robot, name, sizes[name], frames.get(name, 1)) for name in sizes}


def mirror_of_group(
    robot: Robot, sizes: Mapping[str, int], history: Mapping[str, int] | None = None
) -> TermMirror:
    """The mirror of a group of observations: its terms one after the other. See above."""
    return joined(list(mirror_of_terms(robot, sizes, history).values()))


def mirror_of_layout(
    robot: Robot, layout: Mapping[str, Any]
) -> tuple[dict[str, TermMirror], TermMirror]:
    """The mirrors of all observation groups, by name, and of the actions.

    Args:
        robot: whose joints and bodies swap.
        layout: as `learning.env_state.layout_of` gives it: `observations` maps groups to names and
            sizes of terms, `history` to names and frames.

    Raises:
        MimiclabError: as `mirror_of_terms`.
    """
    frames = layout.get("history", {})
    groups = {
        name: mirror_of_group(robot, sizes, frames.get(name))
        for name, sizes in layout["observations"].items()
    }
    return groups, mirror_of_actions(robot)


def mirror_of_actions(robot: Robot) -> TermMirror:
    """The mirror of joint actions, whose scales are alike on both sides."""
    return _joints(robot)


def joined(parts: list[TermMirror]) -> TermMirror:
    """The mirror of numbers that stand one after the other."""
    starts = np.cumsum([0, *(part.size for part in parts)])
    return TermMirror(
        np.concatenate([part.indices + s for part, s in zip(parts, starts, strict=False)]),
        np.concatenate([part.signs for part in parts]),
    )


def _of_term(robot: Robot, name: str, size: int, frames: int) -> TermMirror:
    if name in _ASYMMETRIC:
        raise MimiclabError(
            f"observation term {name!r} has no mirror image: {_ASYMMETRIC[name]}; train without "
            "symmetry, or without the term"
        )
    if name not in _TERMS:
        raise UnknownNameError("observation term with a mirror image", name, _TERMS)
    unit = _TERMS[name](robot)
    repeats, rest = divmod(size, unit.size)
    # Terms with several reference frames repeat their numbers for each one, like a history does.
    fits = rest == 0 and repeats % frames == 0 and (name in _REPEATED or repeats == frames)
    if not fits:
        raise MimiclabError(
            f"observation term {name!r} has {size} numbers in {frames} frames, expected "
            f"{unit.size} in each; is it of another robot than {robot.name}?"
        )
    return joined([unit] * repeats)


def _same(signs: np.ndarray) -> TermMirror:
    return TermMirror(np.arange(len(signs)), signs)


def _joints(robot: Robot) -> TermMirror:
    return TermMirror(robot.mirror.joint_ids, robot.mirror.joint_signs)


def _bodies(robot: Robot, signs: np.ndarray) -> TermMirror:
    names = list(robot.tracked_bodies)
    partners = np.array([names.index(robot.mirrored_name(name)) for name in names])
    places = partners[:, None] * len(signs) + np.arange(len(signs))
    return TermMirror(places.ravel(), np.tile(signs, len(names)))


def _future(robot: Robot) -> TermMirror:
    return joined([_joints(robot), _same(_VECTOR), _same(_TWO_COLUMNS)])


def _feet_swapped(robot: Robot) -> TermMirror:
    del robot
    return TermMirror(np.array([1, 0]), np.ones(2))


def _fixed(signs: np.ndarray) -> Callable[[Robot], TermMirror]:
    return lambda robot: _same(signs)


_TERMS: dict[str, Callable[[Robot], TermMirror]] = {
    # Both tasks.
    "actions": _joints,
    "base_ang_vel": _fixed(_ROTATION),
    "base_lin_vel": _fixed(_VECTOR),
    # Velocity.
    "command_ang_vel": _fixed(np.array([-1.0])),
    "command_lin_vel": _fixed(_VECTOR[:2]),
    "cos_phase": _feet_swapped,
    "sin_phase": _feet_swapped,
    "dof_pos": _joints,
    "dof_vel": _joints,
    "projected_gravity": _fixed(_VECTOR),
    # Tracking.
    "command": _joints,
    "motion_future": _future,
    "motion_anchor_pos_b": _fixed(_VECTOR),
    "motion_anchor_ori_b": _fixed(_TWO_COLUMNS),
    "ref_base_lin_vel": _fixed(_VECTOR),
    "ref_projected_gravity": _fixed(_VECTOR),
    "reference_joint_pos": _joints,
    "received_joint_pos": _joints,
    "body_pos": lambda robot: _bodies(robot, _VECTOR),
    "body_ori": lambda robot: _bodies(robot, _TWO_COLUMNS),
    "joint_pos": _joints,
    "joint_vel": _joints,
}
_REPEATED = ("command", "motion_future")
_ASYMMETRIC = {
    "motion_id": "the mirrored clip is another one",
}
