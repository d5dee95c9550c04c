"""What a recording of rollouts holds and where: the layout of its HDF5 file.

    /                       attributes: format, schema, robot, control_hz
    /about                  JSON: see `RecordingInfo`
    /clips                  names of the clips
    /steps/observations/G   (M, D) of observation group G, before the step
    /steps/actions          (M, A) as executed
    /steps/action_mean      (M, A) mean of the policy there: the target of behaviour cloning
    /steps/action_std       (M, A), only if the policy has one
    /steps/rewards          (M,)
    /steps/reference_time_s (M,) time in the clip of the reference that the step is scored against
    /steps/terminated       (M,) the step failed
    /steps/timeout          (M,) the step ended the episode otherwise
    /steps/NAME             (M, ...) more columns, if the writer declared some
    /episodes/first, length rows of the steps; episodes lie end to end
    /episodes/clip          index into /clips
    /episodes/start_s, seed, from_start
    /episodes/observations/G  (E, D) after the last step

There is no padding: every row of /steps was played. Numbers are float32, times float64.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mimiclab.errors import RecordingError

FORMAT = "mimiclab recording"
"""Value of the file's attribute `format`."""
SCHEMA = 1
"""Layout number; readers refuse a higher one."""
EPISODE_COLUMNS = {
    "first": np.dtype("i8"),
    "length": np.dtype("i8"),
    "clip": np.dtype("i4"),
    "start_s": np.dtype("f8"),
    "seed": np.dtype("i8"),
    "from_start": np.dtype("?"),
}
"""Columns of /episodes, one number each."""


@dataclass(frozen=True, kw_only=True)
class RecordingInfo:
    """Where the steps of a recording come from and what their columns mean. Plain values only."""

    layout: Mapping[str, Any]
    """Robot, control_hz, observations {group: {term: numbers}}, history {group: {term: frames}},
    actions {term: numbers}, as a training run stores them."""
    joint_names: tuple[str, ...] = ()
    """Order of the actions."""
    action_offset: str = ""
    """What an action of zero means: `default` pose or `reference` joint angles; empty if neither is
    known."""
    action_scale: tuple[float, ...] = ()
    """rad for each unit of action."""
    has_std: bool = False
    """Whether the policy has a standard deviation."""
    model_hash: str = ""
    """Hash of the robot's model."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    """Who acted: kind, path, sha256, iteration, ..."""
    task: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the task that the policy acted in."""
    views: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the tasks whose observations the other groups hold, by group."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """Seeds, and the switches of noise, pushes, randomisation and sampled actions."""
    extra_columns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """More columns of /steps, with the shape of one row."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Programs that made the file."""

    @property
    def robot(self) -> str:
        """Registry name of the robot."""
        return self.layout["robot"]

    @property
    def control_hz(self) -> float:
        """Steps in a second."""
        return self.layout["control_hz"]

    @property
    def num_actions(self) -> int:
        """Numbers in an action, A."""
        return sum(self.layout["actions"].values())

    @property
    def groups(self) -> dict[str, int]:
        """Observation groups and their widths D."""
        return {name: sum(terms.values()) for name, terms in self.layout["observations"].items()}

    @property
    def columns(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """Every column of /steps: shape of one row and type."""
        single, double, flag = (np.dtype(name) for name in ("f4", "f8", "?"))
        action = (self.num_actions,)
        found = {f"observations/{name}": ((width,), single) for name, width in self.groups.items()}
        found |= {"actions": (action, single), "action_mean": (action, single)}
        if self.has_std:
            found["action_std"] = (action, single)
        found |= {
            "rewards": ((), single),
            "reference_time_s": ((), double),
            "terminated": ((), flag),
            "timeout": ((), flag),
        }
        return found | {name: (shape, single) for name, shape in self.extra_columns.items()}

    def to_json(self) -> str:
        """As stored in the file."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> "RecordingInfo":
        """Read what `to_json` wrote; `where` names the file in errors.

        Raises:
            RecordingError: not that.
        """
        try:
            values = json.loads(text)
            shapes = {name: tuple(v) for name, v in values.pop("extra_columns", {}).items()}
            known: dict[str, Any] = {
                key: tuple(v) if isinstance(v, list) else v for key, v in values.items()
            }
            info = cls(**known, extra_columns=shapes)
            _ = info.robot, float(info.control_hz), info.columns
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RecordingError(
                f"{where}: its description is damaged ({error!r}); record the rollouts again"
            ) from error
        return info


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One episode of T steps."""

    clip: str
    """Name of the clip."""
    start_s: float
    """Time in the clip at which it began, s."""
    seed: int
    """Seed of its initial noise."""
    from_start: bool
    """Whether it was planned from the clip's first frame, not from a random time."""
    observations: Mapping[str, np.ndarray]
    """Groups, (T, D): what was seen before each step."""
    final_observations: Mapping[str, np.ndarray]
    """Groups, (D,): what was seen after the last step."""
    actions: np.ndarray
    """Executed, (T, A)."""
    action_mean: np.ndarray
    """Mean of the policy's distribution, (T, A)."""
    action_std: np.ndarray | None
    """Its standard deviation, (T, A)."""
    rewards: np.ndarray
    """(T,)."""
    reference_time_s: np.ndarray
    """Time in the clip of the reference that each step is scored against, s, (T,)."""
    failed: bool
    """Whether the last step crossed a termination limit; otherwise the clip or the time ended."""
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Declared columns, (T, ...)."""

    def __len__(self) -> int:
        return len(self.rewards)
