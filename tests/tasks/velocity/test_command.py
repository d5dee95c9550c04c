"""Commands: their distribution and times; the gait clock that goes with them."""

import math
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from mimiclab.tasks.velocity import CommandCfg
from mimiclab.tasks.velocity.command import velocity_command
from mimiclab.tasks.velocity.gait import wrapped

ALL = torch.arange


def advance(term, steps, dt=0.02):
    for _ in range(steps):
        term.compute(dt)


def test_commands_are_uniform_and_a_fifth_of_them_stand(make):
    term = velocity_command(make(num_envs=64))
    drawn = []
    for _ in range(64):
        term.reset(ALL(64))
        drawn.append(term.command.clone())
    command = torch.cat(drawn)
    standing = (command == 0).all(-1)
    assert float(standing.float().mean()) == pytest.approx(0.2, abs=0.025)
    walking = command[~standing]
    assert (walking.abs() <= 1.0).all()
    for axis in range(3):
        quarters = torch.histc(walking[:, axis], 4, -1.0, 1.0) / len(walking)
        assert (quarters - 0.25).abs().max() < 0.03


def test_ranges_are_arguments(make):
    cfg = CommandCfg(lin_vel_x=(0.4, 0.6), lin_vel_y=(0.0, 0.0), ang_vel_z=(-2, -1), standing=0.0)
    command = velocity_command(make(num_envs=64, command=cfg)).command
    assert (command[:, 0] >= 0.4).all() and (command[:, 0] <= 0.6).all()
    assert (command[:, 1] == 0).all() and (command[:, 2] <= -1).all()


def test_commands_are_renewed_every_500_steps(make):
    term = velocity_command(make(num_envs=16))
    before = term.command.clone()
    advance(term, 499)
    assert torch.equal(term.command, before)
    advance(term, 1)
    assert (term.command != before).any(-1).float().mean() > 0.6
    before = term.command.clone()
    advance(term, 499)
    assert torch.equal(term.command, before)
    advance(term, 1)
    assert not torch.equal(term.command, before)


def test_phase_is_the_published_function_of_time(make):
    term = velocity_command(make(num_envs=64, gait_hz_width=0.2))
    term.hold(torch.tensor([0.5, 0.0, 0.0]))
    start, hz = term.phase.clone(), term.frequency_hz.clone()
    assert (hz >= 0.8).all() and (hz <= 1.2).all() and float(hz.std()) > 0.08
    apart = wrapped(start[:, 1] - start[:, 0] - math.pi)
    assert apart.abs().max() < 1e-5
    assert float(start[:, 0].abs().max()) > 2.5 and float(start[:, 0].std()) > 1.3
    advance(term, 70)
    expected = start + 2 * math.pi * hz[:, None] * 70 * 0.02
    assert wrapped(term.phase - expected).abs().max() < 1e-3
    assert (term.phase >= -math.pi).all() and (term.phase < math.pi).all()


def test_both_phases_are_pi_when_standing_and_the_clock_goes_on(make):
    term = velocity_command(make(num_envs=2, gait_hz_width=0.0))
    term.hold(torch.tensor([0.5, 0.0, 0.0]))
    start = term.phase.clone()
    term.hold(torch.zeros(3))
    assert torch.equal(term.phase, torch.full((2, 2), math.pi))
    advance(term, 25)
    assert torch.equal(term.phase, torch.full((2, 2), math.pi))
    term.hold(torch.tensor([0.0, 0.0, -0.3]))
    assert wrapped(term.phase - start - math.pi).abs().max() < 1e-4


def test_a_new_frequency_does_not_make_the_phase_jump(make):
    term = velocity_command(make(num_envs=32, gait_hz_width=0.2, command=CommandCfg(standing=0.0)))
    advance(term, 499)
    before, old = term.phase.clone(), term.frequency_hz.clone()
    advance(term, 1)
    assert not torch.equal(term.frequency_hz, old)
    step = wrapped(term.phase - before)
    torch.testing.assert_close(step[:, 0], 2 * math.pi * 0.02 * old, atol=1e-4, rtol=0)


def test_without_a_width_all_frequencies_are_the_mean(make):
    assert torch.equal(velocity_command(make(num_envs=4)).frequency_hz, torch.ones(4))


def test_held_velocities_outlast_resets_until_released(make):
    env = make(num_envs=4)
    term = velocity_command(env)
    wanted = torch.tensor([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    term.hold(wanted, torch.tensor([1, 3]))
    env.reset()
    advance(term, 600)
    torch.testing.assert_close(term.command[[1, 3]], wanted)
    assert not torch.equal(term.command[0], wanted[0])
    term.hold(None)
    advance(term, 1000)
    assert not torch.equal(term.command[1], wanted[0])


def test_the_policy_sees_a_fresh_command_before_it_is_scored(make):
    env = make(num_envs=8, reset_noise=0.0)
    term = velocity_command(env)
    seen, _ = env.reset()
    shown = term.command.clone()
    torch.testing.assert_close(seen["critic"][:, 29:31], shown[:, :2])
    at_reward = {}
    original = env.reward_manager.compute

    def spy(dt):
        at_reward["command"], at_reward["phase"] = term.command.clone(), term.phase.clone()
        return original(dt)

    phase = term.phase.clone()
    env.reward_manager.compute = spy
    try:
        env.step(torch.zeros(8, 22))
    finally:
        env.reward_manager.compute = original
    assert torch.equal(at_reward["command"], shown) and torch.equal(at_reward["phase"], phase)
    walking = (shown != 0).any(-1)
    assert (term.phase[walking] != phase[walking]).all()


def test_playing_begins_with_the_left_foot_up(make):
    env = make(play=True, num_envs=4)
    term = velocity_command(env)
    term.hold(torch.tensor([1.0, 0.0, 0.0]))
    expected = torch.tensor([0.0, -math.pi]).expand(4, 2)
    torch.testing.assert_close(term.phase, expected)
    before = term.command.clone()
    advance(term, 1200)
    assert torch.equal(term.command, before)


def test_logged_errors_are_means_over_the_episode(make):
    env = make(num_envs=2, fresh=True, reset_noise=0.0)
    term = velocity_command(env)
    term.hold(torch.tensor([0.3, 0.4, -0.2]))
    env.reset()
    advance(term, 10)
    logged = term.reset(ALL(2))
    assert logged["error_vel_xy"] == pytest.approx(0.5, rel=1e-3)
    assert logged["error_vel_yaw"] == pytest.approx(0.2, rel=1e-3)


def test_arrows_show_what_is_asked_for_and_what_is(make):
    env = make(num_envs=2)
    term = velocity_command(env)
    term.hold(torch.tensor([1.0, 0.0, 0.0]))
    arrows = []
    visualizer = SimpleNamespace(
        get_env_indices=lambda n: [1], add_arrow=lambda **how: arrows.append(how)
    )
    term._debug_vis_impl(visualizer)
    assert len(arrows) == 2
    assert (arrows[0]["end"] - arrows[0]["start"]).tolist() == pytest.approx([0.5, 0.0, 0.0])


def test_sliders_of_the_viewer_hold_a_command(make):
    term = velocity_command(make(num_envs=2, fresh=True))
    handles = []

    def handle(label, initial_value=0.0, **_):
        made = SimpleNamespace(label=label, value=initial_value, on_update=None)
        made.on_update = lambda call: setattr(made, "call", call)
        handles.append(made)
        return made

    gui = SimpleNamespace(
        add_folder=lambda _: nullcontext(), add_checkbox=handle, add_slider=handle
    )
    term.create_gui("velocity", SimpleNamespace(gui=gui), lambda: 1)
    use, forward, left, turn = handles
    assert (left.label, turn.label) == ("left", "turn left")
    before = term.command[0].clone()
    use.value, forward.value, turn.value = True, 0.5, -0.25
    turn.call(None)
    assert term.command[1].tolist() == [0.5, 0.0, -0.25] and torch.equal(term.command[0], before)
    use.value = False
    use.call(None)
    assert not term._held.any()


def test_the_task_does_not_open_mjlabs_registry():
    code = (
        "import mimiclab.tasks.velocity.env_cfg, sys; "
        "assert 'mjlab.tasks.registry' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
