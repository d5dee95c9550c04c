"""Built-in motions by name."""

import inspect
from functools import cache

from mimiclab.errors import MotionError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.synthesis import motions
from mimiclab.motions.synthesis.plan import realise, stance

_MOTIONS = {
    "stand": motions.stand,
    "squat": motions.squat,
    "bow": motions.bow,
    "wave": motions.wave_hand,
    "weight_shift": motions.weight_shift,
    "march": motions.march,
    "walk": motions.walk,
    "side_step": motions.side_step,
    "turn": motions.turn,
    "kick": motions.kick,
    "hop": motions.hop,
}


def builtin_names() -> tuple[str, ...]:
    """Names that `builtin_motion` knows, the gentle ones first."""
    return tuple(_MOTIONS)


def builtin_motion(
    name: str, robot: str = "unitree_g1", fps: float = 50.0, **params: float
) -> MotionClip:
    """A licence-free motion made by computation: balanced, flat-footed, from and to standing.

    The same arguments give the same clip, computed once in a process.

    Args:
        name: one of `builtin_names()`.
        robot: registry name.
        fps: frames per second.
        **params: the motion's own parameters, see `builtin_params`.

    Raises:
        UnknownNameError: no such motion, robot or parameter.
        MotionError: the parameters ask for more than the robot's joints allow.
        RobotError: the robot lacks what synthesis needs.
    """
    known = builtin_params(name)
    for key, value in params.items():
        if key not in known:
            raise UnknownNameError(f"parameter of builtin:{name}", key, known)
        if isinstance(known[key], int) and (value != int(value) or value < 1):
            raise MotionError(
                f"builtin:{name}: {key} is {value}, expected a whole number, 1 or more"
            )
    return _make(name, robot, float(fps), tuple(sorted(params.items())))


def builtin_params(name: str) -> dict[str, float]:
    """Parameters of a built-in motion and their defaults (m, s, rad, Hz, counts).

    Raises:
        UnknownNameError: no such motion.
    """
    if name not in _MOTIONS:
        raise UnknownNameError("built-in motion", name, _MOTIONS)
    signature = inspect.signature(_MOTIONS[name])
    return {
        key: value.default
        for key, value in signature.parameters.items()
        if value.kind == inspect.Parameter.KEYWORD_ONLY
    }


@cache
def _make(name: str, robot: str, fps: float, params: tuple[tuple[str, float], ...]) -> MotionClip:
    start = stance(robot)
    return realise(_MOTIONS[name](start, fps, **dict(params)), start, name, fps)
