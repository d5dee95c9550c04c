"""Same states, same actions: native MuJoCo (double precision) against MuJoCo Warp (single).

Tolerances, over 60 control steps of 4 x 5 ms of a G1 on its feet: generalised and body positions
1e-3 (m, rad), velocities 0.1 (m/s, rad/s), rewards 1e-3, contact forces of every substep 2 % or
10 N. Measured: 3e-5 (m, rad), 2e-3 (m/s, rad/s), 3e-6 and 0.3 N; some four times as much with
randomisation and pushes. Contact is chaotic: where a foot rolls over its edge or a robot hits the
ground, rounding grows to centimetres within a dozen steps on any two engines, so the robots here
are ones that stay on their feet.
"""

import contextlib
import io

import pytest
import torch
from mjlab.envs import ManagerBasedRlEnv

from mimiclab.simulation.env import make_env

NUM_ENVS = 2
STEPS = 60


def copy_state(source, target):
    """Give `target` the randomised model, states and derived quantities of `source`."""
    for name in source.sim.expanded_fields:
        getattr(target.sim.model, name)[:] = getattr(source.sim.model, name)
    for name in ("qpos", "qvel", "ctrl"):
        getattr(target.sim.data, name)[:] = getattr(source.sim.data, name)
    target.sim.forward()


def assert_parity(cfg, actions):
    with contextlib.redirect_stdout(io.StringIO()):
        native = make_env(cfg(), engine="native")
        warp = make_env(cfg(), engine="warp", device="cpu")
        for env in (native, warp):
            torch.manual_seed(0)  # both draw the same times of pushes
            env.reset()
        copy_state(native, warp)
        for step in range(STEPS):
            action = actions(step, NUM_ENVS, size=0.05)
            outcomes = []
            for env in (native, warp):
                torch.manual_seed(step)
                outcomes.append(env.step(action))
            assert_close(native, warp, *outcomes)
    assert native.sim.data.qpos[:, 2].min() > 0.5, "a robot fell: agreement would be luck"
    return native


def assert_close(native, warp, ours, theirs):
    observed, expected = ours[0]["actor"], theirs[0]["actor"]
    joints, velocities, bodies = slice(0, 29), [slice(29, 64), slice(154, 334)], slice(64, 154)
    torch.testing.assert_close(native.sim.data.qpos, warp.sim.data.qpos[:], atol=1e-3, rtol=0)
    for columns in (joints, bodies):
        torch.testing.assert_close(observed[:, columns], expected[:, columns], atol=1e-3, rtol=0)
    for columns in velocities:
        torch.testing.assert_close(observed[:, columns], expected[:, columns], atol=0.1, rtol=0)
    torch.testing.assert_close(ours[1], theirs[1], atol=1e-3, rtol=0)
    forces = [env.scene["feet"].data.force_history.norm(dim=-1) for env in (native, warp)]
    torch.testing.assert_close(*forces, atol=10.0, rtol=0.02)


def test_engines_agree_without_randomisation(standing_cfg, actions):
    assert_parity(lambda: standing_cfg(NUM_ENVS, contact_history=4), actions)


def test_engines_agree_with_randomisation_and_pushes(standing_cfg, actions):
    env = assert_parity(
        lambda: standing_cfg(NUM_ENVS, contact_history=4, randomise=True, pushes=True), actions
    )
    assert env.sim.model.body_mass.std(dim=0).max() > 0.1


def test_environment_behaves_as_mjlabs_own(standing_cfg, actions):
    """`MimicEnv` on Warp is mjlab's environment: same observations, rewards, resets and log."""
    cfg = [standing_cfg(NUM_ENVS, spread=0.02, pushes=True) for _ in range(2)]
    for c in cfg:
        c.episode_length_s = 0.1
    with contextlib.redirect_stdout(io.StringIO()):
        envs = [make_env(cfg[0], engine="warp", device="cpu"), ManagerBasedRlEnv(cfg[1], "cpu")]
        results = []
        for env in envs:
            torch.manual_seed(3)
            env.reset()
            steps = []
            for step in range(8):
                obs, *tensors, extras = env.step(actions(step, NUM_ENVS))
                # mjlab's own tensors change with the next step.
                kept = [obs["actor"].clone(), *(tensor.clone() for tensor in tensors)]
                steps.append((*kept, set(extras["log"])))
            results.append(steps)
    for ours, theirs in zip(*results, strict=True):
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            torch.testing.assert_close(a, b)
        assert ours[4] - {"Episode_Termination/diverged"} == theirs[4]


@pytest.mark.slow
def test_engines_agree_on_average_through_falls(standing_cfg, actions):
    """Single trajectories part at impacts; the share of robots still up does not."""
    up = []
    for engine in ("native", "warp"):
        with contextlib.redirect_stdout(io.StringIO()):
            env = make_env(standing_cfg(64, spread=0.1), engine=engine, device="cpu")
            env.reset()
            for step in range(60):
                env.step(actions(step, 64, size=0.4))
        up.append((env.sim.data.qpos[:, 2] > 0.5).float().mean().item())
    assert 0.02 < up[0] < 0.98
    assert abs(up[0] - up[1]) < 0.1
