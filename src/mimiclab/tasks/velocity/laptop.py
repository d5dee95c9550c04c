"""The velocity task with what makes it learnable on a few CPU cores. Nothing heavy is imported."""

from mimiclab.tasks.velocity.ground_cfg import GroundCfg
from mimiclab.tasks.velocity.task import PenaltyCfg, RandomisationCfg, VelocityTask


def cpu_velocity_task(robot: str = "booster_k1") -> VelocityTask:
    """Holosoma's task with less to find out, for some million control steps instead of billions.

    - Level ground: a step on rough ground costs a third more, and asks for higher swings.
    - Environments are alike and nothing pushes: a policy for a robot needs that later.
    - One gait frequency, so that the phase says it all.
    - Penalties grow four times as fast: with the few environments of a laptop an episode's end is
      as far away in control steps, but there are fewer of these.

    Args:
        robot: registry name; the K1 is the lightest to simulate of the robots that ship.
    """
    return VelocityTask(
        robot=robot,
        ground=GroundCfg(kind="plane"),
        randomisation=RandomisationCfg(enabled=False),
        gait_hz_width=0.0,
        penalties=PenaltyCfg(degree=1e-3),
    )
