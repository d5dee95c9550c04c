"""Which terms each group of observations holds: in alphabetical order, as Holosoma publishes."""

from mjlab.managers import ObservationGroupCfg, ObservationTermCfg
from mjlab.utils.noise import UniformNoiseCfg

from mimiclab.errors import UnknownNameError
from mimiclab.tasks.velocity.mdp import observations
from mimiclab.tasks.velocity.published import published
from mimiclab.tasks.velocity.task import VelocityTask

ACTOR_TERMS = (
    "actions", "base_ang_vel", "command_ang_vel", "command_lin_vel", "cos_phase", "dof_pos",
    "dof_vel", "projected_gravity", "sin_phase",
)  # fmt: skip
"""What the policy sees."""
CRITIC_TERMS = tuple(sorted((*ACTOR_TERMS, "base_lin_vel")))
"""What the critic sees, without noise."""
_NOISE = {"dof_pos": 0.01, "dof_vel": 0.1}
"""Half-widths of the actor's uniform noise, before scaling. Source: Holosoma."""
_LIMIT = 100.0
"""Scaled observations are clipped to this in size. Source: Holosoma."""


def observation_cfgs(task: VelocityTask) -> dict[str, ObservationGroupCfg]:
    """The groups `actor` and `critic`.

    Raises:
        UnknownNameError: a scale for a term that does not exist.
    """
    scales = published(task.robot).scales | task.observation_scales
    for name in task.observation_scales:
        if name not in CRITIC_TERMS:
            raise UnknownNameError("observation term", name, CRITIC_TERMS)
    return {
        "actor": _group(task, ACTOR_TERMS, scales, noise=task.noise),
        "critic": _group(task, CRITIC_TERMS, scales, noise=False),
    }


def _group(
    task: VelocityTask, names: tuple[str, ...], scales: dict[str, float], *, noise: bool
) -> ObservationGroupCfg:
    group = ObservationGroupCfg(
        terms={name: _term(name, scales.get(name, 1.0), noise) for name in names},
        enable_corruption=noise,
    )
    if task.history > 1:
        group.history_length = task.history
    return group


def _term(name: str, scale: float, noise: bool) -> ObservationTermCfg:
    width = _NOISE.get(name, 0.0) if noise else 0.0
    limit = _LIMIT / abs(scale) if scale else 1.0
    return ObservationTermCfg(
        func=getattr(observations, name),
        noise=UniformNoiseCfg(n_min=-width, n_max=width) if width else None,
        clip=(-limit, limit),  # mjlab clips before it scales
        scale=None if scale == 1.0 else scale,
    )
