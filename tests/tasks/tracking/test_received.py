"""The reference behind an interface, in the environment: what changes, and what must not."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.errors import UnknownNameError
from mimiclab.maths.rotations import quat_conjugate, quat_multiply, quat_to_rotvec
from mimiclab.motions.library import MotionFrame, MotionLibrary
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.received import ReceivedReference
from mimiclab.tasks.tracking.reference import ReferenceView

DT = 0.02
QUIET = {"noise": False, "pushes": False, "randomisation": False, "reset_noise": 0.0}
BAD = {
    "delay_s": (0.05, 0.3), "dropout": 0.3, "dropout_s": 0.1, "joint_noise_rad": 0.05,
    "joint_bias_rad": 0.1, "orientation_noise_rad": 0.1, "position_noise_m": 0.05,
    "smoothing": 0.3,
}  # fmt: skip
FIELDS = tuple(MotionFrame.__dataclass_fields__)
TORSO = 7
"""Of the G1's tracked bodies."""


class Stream:
    """Environments that only follow clips: truth and received reference, without a simulation."""

    def __init__(self, library, cfg, n=4, groups=(), origins=None, device="cpu"):
        self.clip = torch.zeros(n, dtype=torch.long, device=device)
        self.time = torch.zeros(n, dtype=torch.float64, device=device)
        origins = torch.zeros(n, 3, device=device) if origins is None else origins
        scene = SimpleNamespace(env_origins=origins)
        self.truth = ReferenceView(library.to(device), scene, DT)
        self.seen = ReceivedReference(
            self.truth, InterfaceCfg(**cfg), groups, time_s=self.time, anchor=TORSO
        )

    def begin(self, time_s, clip=0):
        self.clip[:], self.time[:] = clip, time_s
        self.seen.restart(torch.arange(len(self.time), device=self.time.device))
        self.show()

    def show(self, env_ids=None):
        self.truth.update(self.clip, self.time)
        self.seen.update(env_ids)

    def step(self):
        self.time += DT
        self.show()


@pytest.fixture
def seeing(walk):
    """Builds environments whose actor looks through an interface."""
    built = []

    def build(interface, library=walk, groups=(), num_envs=4, **task):
        task = TrackingTask(
            **{**QUIET, **task}, interface=InterfaceCfg(**interface), interface_groups=groups
        )
        cfg = tracking_env_cfg(task, library, num_envs=num_envs)
        cfg.seed = 0
        built.append(make_env(cfg, engine="native", device="cpu", num_threads=1))
        return built[-1]

    yield build
    for env in built:
        env.close()


def term_of(env):
    return env.command_manager.get_term("motion")


def test_a_perfect_interface_shows_the_very_reference(seeing):
    env = seeing({}, noise=True, reset_noise=1.0)
    term = term_of(env)
    env.reset()
    state = torch.get_rng_state()
    term._refresh(None)
    assert torch.equal(torch.get_rng_state(), state)  # and nothing is drawn for it
    assert term.received is term.reference and term.observed is term.frame


def test_a_useless_interface_is_the_perfect_one_bit_for_bit(walk):
    """Losses of length 0.1 s that never begin make an interface that does nothing."""
    stream = Stream(walk, {"dropout_s": 0.1})
    stream.begin(torch.tensor([0.0, 0.5, 1.0, 9.9]))
    for _ in range(10):
        for name in FIELDS:
            assert torch.equal(getattr(stream.seen.frame, name), getattr(stream.truth.frame, name))
            assert torch.equal(
                getattr(stream.seen.ahead((0.0, 0.1)), name),
                getattr(stream.truth.ahead((0.0, 0.1)), name),
            )
        stream.step()


@settings(max_examples=40, deadline=None)
@given(
    delay=st.floats(0.0, 1.0),
    start=st.integers(0, 100),
    steps=st.integers(0, 10),
)
def test_a_delay_shows_the_clip_of_before(walk, delay, start, steps):
    stream = Stream(walk, {"delay_s": (delay, delay)}, n=1)
    stream.begin(start * DT)
    for _ in range(steps):
        stream.step()
    clip, times = walk.all_frames(0), np.arange(int(walk.clip_frames[0])) * DT
    at = max(0.0, (start + steps) * DT - delay)  # before its start the clip stands still

    def curve(values):
        return np.array([np.interp(at, times, column) for column in values.flatten(1).numpy().T])

    for name in set(FIELDS) - {"body_quat_w"}:
        seen = getattr(stream.seen.frame, name)[0].flatten()
        np.testing.assert_allclose(
            seen, curve(getattr(clip, name)), atol=1e-3 if "vel" in name else 1e-4
        )
    quat = curve(clip.body_quat_w).reshape(-1, 4)
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    np.testing.assert_allclose(stream.seen.frame.body_quat_w[0], quat, atol=1e-4)


def test_a_lost_stream_stands_still_and_a_new_episode_begins_anew(walk):
    stream = Stream(walk, {"dropout": 1.0, "joint_noise_rad": 0.1, "position_noise_m": 0.1})
    stream.begin(torch.tensor([0.0, 0.5, 1.0, 1.5]))
    first, ahead = stream.seen.frame, stream.seen.ahead((0.1,))
    assert (first.joint_pos - stream.truth.frame.joint_pos).std() == pytest.approx(0.1, rel=0.3)
    for _ in range(5):
        stream.step()
        for name in FIELDS:
            assert torch.equal(getattr(stream.seen.frame, name), getattr(first, name))
            assert torch.equal(getattr(stream.seen.ahead((0.1,)), name), getattr(ahead, name))
    stream.begin(2.0)
    assert not torch.equal(stream.seen.frame.joint_vel, first.joint_vel)
    assert torch.equal(stream.seen.frame.joint_vel, stream.truth.frame.joint_vel)


@pytest.mark.parametrize("delay_s", [(0.0, 0.0), (0.03, 0.2)])
def test_only_the_chosen_motion_groups_come_through(two_clips, delay_s, monkeypatch):
    monkeypatch.setattr(two_clips, "clip_group", torch.tensor([1, 0]), raising=False)
    monkeypatch.setattr(two_clips, "group_names", ("suit", "vicon"), raising=False)
    stream = Stream(two_clips, {**BAD, "delay_s": delay_s}, groups=("suit",))
    stream.begin(torch.tensor([0.1, 0.5, 1.0, 1.5]), clip=torch.tensor([0, 1, 0, 1]))
    for _ in range(6):
        stream.step()
        for seen, truth in (
            (stream.seen.frame, stream.truth.frame),
            (stream.seen.ahead((0.0, 0.1)), stream.truth.ahead((0.0, 0.1))),
        ):
            for name in FIELDS:
                rows = getattr(seen, name), getattr(truth, name)
                assert torch.equal(rows[0][[0, 2]], rows[1][[0, 2]])
            away = (seen.joint_pos - truth.joint_pos).abs()[[1, 3]].flatten(1).amax(1)
            assert (away > 0.05).all()
    with pytest.raises(
        UnknownNameError, match=r"unknown motion group 'suits': did you mean 'suit'"
    ):
        Stream(two_clips, BAD, groups=("suits",))


def test_the_bias_is_the_same_everywhere_and_in_every_process(walk):
    seen = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        stream = Stream(walk, {"joint_bias_rad": 0.2, "seed": 5})
        stream.begin(torch.tensor([0.0, 0.3, 0.6, 0.9]))
        stream.step()
        seen.append(stream.seen.frame.joint_pos - stream.truth.frame.joint_pos)
    expected = InterfaceCfg(joint_bias_rad=0.2, seed=5).joint_bias(walk.joint_names)
    for error in seen:
        np.testing.assert_allclose(error, np.tile(expected, (4, 1)), atol=1e-6)


def test_noise_has_its_size_and_is_that_of_the_anchor(walk):
    n = 3000
    torch.manual_seed(0)
    cfg = {"joint_noise_rad": 0.05, "orientation_noise_rad": 0.1, "position_noise_m": 0.03}
    origins = torch.randn(n, 3)
    stream = Stream(walk, cfg, n=n, origins=origins)
    stream.begin(1.0)
    seen, truth = stream.seen.frame, stream.truth.frame
    torch.testing.assert_close(
        truth.body_pos_w[:, 0] - origins, walk.all_frames(0).body_pos_w[50, 0].expand(n, 3)
    )
    angles = quat_to_rotvec(
        quat_multiply(seen.body_quat_w[:, TORSO], quat_conjugate(truth.body_quat_w[:, TORSO]))
    )
    for error, size in (
        (seen.joint_pos - truth.joint_pos, 0.05),
        (angles, 0.1),
        ((seen.body_pos_w - truth.body_pos_w)[:, TORSO], 0.03),
    ):
        assert error.std(0).numpy() == pytest.approx(np.full(error.shape[1], size), rel=0.08)
        assert error.mean(0).abs().max() < 5 * size / n**0.5
    assert torch.equal(seen.joint_vel, truth.joint_vel)
    others = [i for i in range(14) if i != TORSO]
    for name in FIELDS[2:6]:
        assert torch.equal(getattr(seen, name)[:, others], getattr(truth, name)[:, others])


def test_frames_ahead_share_the_errors_of_the_packet(walk):
    stream = Stream(walk, BAD)
    stream.begin(torch.tensor([0.1, 0.5, 1.0, 1.5]))
    for _ in range(8):
        stream.step()
    seen, time = stream.seen, stream.seen.interface.packet_time_s
    zero = seen.ahead((0.0, 0.1))
    for name in FIELDS:
        torch.testing.assert_close(
            getattr(zero, name)[:, 0], getattr(seen.frame, name), atol=1e-5, rtol=1e-5
        )
    packet = walk.frames(stream.clip, time), walk.frames(stream.clip, time + 0.1)
    for name in ("joint_pos", "joint_vel", "body_pos_w"):
        moves = getattr(zero, name)[:, 1] - getattr(zero, name)[:, 0]
        torch.testing.assert_close(
            moves, getattr(packet[1], name) - getattr(packet[0], name), atol=1e-4, rtol=0
        )


def test_others_wait_while_some_environments_start(walk):
    stream = Stream(walk, BAD)
    stream.begin(1.0)
    for _ in range(5):
        stream.step()
    before = stream.seen.frame
    rows = torch.tensor([2])
    stream.time[rows] = 0.5
    stream.seen.restart(rows)
    stream.time[rows] += DT
    stream.show(rows)
    for name in FIELDS:
        now, then = getattr(stream.seen.frame, name), getattr(before, name)
        assert torch.equal(now[[0, 1, 3]], then[[0, 1, 3]])
    moved = (stream.seen.frame.joint_pos - before.joint_pos)[2]
    assert float(moved.abs().max()) > 0.05


def test_collecting_in_inference_mode_leaves_state_that_can_be_reset(walk):
    stream = Stream(walk, BAD)
    with torch.inference_mode():
        stream.begin(1.0)
        stream.step()
    stream.begin(2.0)
    stream.step()
    assert stream.seen.frame.joint_pos.isfinite().all()


def actor_terms(env):
    manager, values, column = env.observation_manager, {}, 0
    row = manager.compute()["actor"]
    for name, size in zip(
        manager.active_terms["actor"], manager.group_obs_term_dim["actor"], strict=True
    ):
        values[name] = row[:, column : column + size[0]]
        column += size[0]
    return values


def test_only_the_actor_looks_through_the_interface(seeing):
    """Same actions: same rewards, ends, critic; reference terms of the actor differ, no other."""
    perfect, bad = seeing({}, horizon_s=(0.1,)), seeing(BAD, horizon_s=(0.1,))
    clip, start = torch.zeros(4, dtype=torch.long), torch.tensor([0.0, 0.5, 1.0, 2.0])
    for env in (perfect, bad):
        term_of(env).start(clip, start)
    generator = torch.Generator().manual_seed(0)
    for _ in range(8):
        action = 0.2 * torch.randn(4, 29, generator=generator)
        results = [env.step(action) for env in (perfect, bad)]
        for a, b in zip(*results, strict=True):
            if isinstance(a, torch.Tensor):
                assert torch.equal(a, b)
        assert torch.equal(results[0][0]["critic"], results[1][0]["critic"])
    truth, seen = actor_terms(perfect), actor_terms(bad)
    differ = {name for name in truth if not torch.equal(truth[name], seen[name])}
    assert differ == {"command", "motion_future", "motion_anchor_pos_b", "motion_anchor_ori_b"}


def test_residual_actions_start_from_what_was_seen(seeing):
    env = seeing({"joint_bias_rad": 0.3}, residual_action=True)
    term = term_of(env)
    term.start(torch.zeros(4, dtype=torch.long), torch.zeros(4))
    expected = (
        term.frame.joint_pos
        + torch.from_numpy(
            InterfaceCfg(joint_bias_rad=0.3).joint_bias(term.library.joint_names)
        ).float()
    )
    env.step(torch.zeros(4, 29))
    torch.testing.assert_close(
        env.action_manager.get_term("joint_pos")._processed_actions, expected
    )


def test_a_seed_repeats_an_interface(seeing):
    runs = []
    for _ in range(2):
        env = seeing(BAD)
        env.reset(seed=7)
        runs.append([env.step(torch.zeros(4, 29))[0]["actor"].clone() for _ in range(5)])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_wrapping_begins_a_new_stream(seeing):
    """All but the first packet of a stream are lost, so what is seen tells where it began."""
    env = seeing({"delay_s": (0.1, 0.1), "dropout": 1.0}, clip_end="wrap")
    term = term_of(env)
    term.start(torch.zeros(4, dtype=torch.long), (term.library.durations_s[0] - 0.1).repeat(4))
    first = term.received.interface.packet_time_s.clone()
    assert first.tolist() == pytest.approx([float(term.library.durations_s[0]) - 0.2 + DT] * 4)
    for _ in range(10):
        env.step(torch.zeros(4, 29))
    began = term.start_time_s - 0.1
    after_reset = term.received.interface.packet_time_s - began
    # A reset shows one step more than its start, a wrap the start itself.
    assert (((after_reset - DT).abs() < 1e-9) | (after_reset.abs() < 1e-9)).all()
    assert (after_reset.abs() < 1e-9).any() and (began != first - DT).all()


def test_a_library_must_be_of_the_task_rate_or_is_interpolated(walk, g1):
    coarse = MotionLibrary.from_clips([walk.clip(0)], robot=g1, fps=30)
    stream = Stream(coarse, {"dropout": 0.5})
    stream.begin(torch.tensor([0.0, 0.5, 1.0, 1.5]))
    for _ in range(7):
        stream.step()
    expected = coarse.frames(stream.clip, stream.seen.interface.packet_time_s, True)
    torch.testing.assert_close(stream.seen.frame.joint_pos, expected.joint_pos)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_sees_the_same(walk):
    cfg = {"delay_s": (0.07, 0.07), "joint_bias_rad": 0.1, "smoothing": 0.3}
    streams = [Stream(walk, cfg, device=device) for device in ("cpu", "cuda")]
    noisy = Stream(walk, BAD, device="cuda")
    for stream in (*streams, noisy):
        stream.begin(1.0)
        for _ in range(5):
            stream.step()
    for name in FIELDS:
        a, b = (getattr(stream.seen.frame, name).cpu() for stream in streams)
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)
    assert noisy.seen.frame.joint_pos.isfinite().all()
