"""Delayed joint targets: whole physics steps, drawn at resets."""

import pytest
import torch

from mimiclab.errors import MimiclabError
from mimiclab.tasks.tracking import TrackingTask

QUIET = {"noise": False, "pushes": False, "randomisation": False, "reset_noise": 0.0}


def controls(env, actions: list[torch.Tensor]) -> torch.Tensor:
    """What reaches the motors at each physics step. Shape (4 steps, N, J)."""
    seen, step = [], env.sim.step

    def watched(nstep: int = 1) -> None:
        for _ in range(nstep):
            seen.append(env.sim.data.ctrl.clone())
            step(1)

    env.sim.step = watched
    try:
        for action in actions:
            env.step(action)
    finally:
        env.sim.step = step
    return torch.stack(seen)


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_targets_arrive_the_stated_number_of_physics_steps_late(make, steps):
    prompt = make(num_envs=2, **QUIET)
    late = make(num_envs=2, actuator_delay_s=(steps * 0.005,) * 2, **QUIET)
    torch.manual_seed(0)
    # Small enough that no episode ends meanwhile.
    actions = [0.1 * torch.randn(2, 29) for _ in range(5)]
    joints = late.sim.mj_model.actuator_trnid[:, 0]
    start = late.sim.data.qpos[:, late.sim.mj_model.jnt_qposadr[joints]].clone()
    sent, arrived = controls(prompt, actions), controls(late, actions)
    torch.testing.assert_close(arrived[steps:], sent[:-steps])
    # Until the first target is through, the pose of the reset is held.
    torch.testing.assert_close(arrived[:steps], start.expand(steps, -1, -1))
    assert prompt.substep_plan.one_call and not late.substep_plan.constant_controls


def test_delays_are_drawn_at_resets_and_kept_through_the_episode(make):
    env = make(num_envs=64, actuator_delay_s=(0.005, 0.02), **QUIET)
    buffer = env.scene["robot"].actuators[0]._delay_buffer
    torch.manual_seed(1)
    env.step(torch.zeros(64, 29))
    lags = buffer.current_lags.clone()
    assert set(lags.tolist()) == {1, 2, 3, 4}
    kept = torch.ones(64, dtype=torch.bool)
    for _ in range(6):
        _, _, ended, timed_out, _ = env.step(torch.zeros(64, 29))
        kept &= ~(ended | timed_out)
    assert kept.sum() > 40 and torch.equal(buffer.current_lags[kept], lags[kept])
    env.reset(env_ids=torch.arange(32))
    env.step(torch.zeros(64, 29))
    assert not torch.equal(buffer.current_lags[:32], lags[:32])
    others = kept[32:]
    assert torch.equal(buffer.current_lags[32:][others], lags[32:][others])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"actuator_delay_s": (0.0, 0.012)}, "whole physics steps of 0.005 s"),
        ({"actuator_delay_s": (0.01, 0.005)}, "0 <= shortest <= longest"),
        ({"friction": (0.0, 1.0)}, "0 < lowest <= highest"),
        ({"reward": "world"}, "'beyondmimic' or 'mosaic'"),
        ({"ground": "stairs"}, "'plane' or 'rough'"),
        ({"history": 0}, "1 or more"),
        ({"physics_hz": 500, "control_hz": 40}, "divisor of the physics rate 500"),
    ],
)
def test_values_that_cannot_work_are_refused(fields, message):
    with pytest.raises(MimiclabError, match=message):
        TrackingTask(**fields)


def test_physics_rate_sets_the_step_and_the_decimation(make):
    env = make(num_envs=2, physics_hz=500, **QUIET)
    assert env.physics_dt == pytest.approx(0.002) and env.cfg.decimation == 10
    assert env.step_dt == pytest.approx(0.02)
    assert TrackingTask(physics_hz=500, actuator_delay_s=(0, 0.006)).actuator_delay_steps == (0, 3)
