"""The model of an interface against a plain Python one that handles one environment at a time."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.errors import MimiclabError
from mimiclab.maths.rotations import quat_to_rotvec
from mimiclab.tasks.tracking.interface import Interface
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

DT = 0.02
NAMES = ("knee", "ankle")


class Numbers:
    """Random numbers, remembered as they were given out."""

    def __init__(self, seed, kind=np.asarray):
        self.rng = np.random.default_rng(seed)
        self.kind = kind
        self.given = []

    def _give(self, values):
        self.given.append(values)
        return self.kind(values)

    def uniform(self, *shape):
        return self._give(self.rng.random(shape))

    def normal(self, *shape):
        return self._give(self.rng.standard_normal(shape))

    def constant(self, values):
        return self.kind(np.array(values, float))

    def take(self):
        given, self.given = self.given, []
        return given


class OneInterface:
    """One environment, scalar Python, from the sentences of `InterfaceCfg`."""

    def __init__(self, cfg, bias):
        self.cfg, self.bias = cfg, bias
        self.delay, self.lost, self.fresh = 0.0, False, True
        p = cfg.dropout
        if cfg.dropout_s > 0 and 0 < p < 1:
            self.recover = DT / cfg.dropout_s
            self.lose = p / (1 - p) * self.recover
        else:
            self.lose, self.recover = p, 1 - p
        self.averages = []
        self.noise, self.shift, self.rotvec = [0.0] * len(bias), [0.0] * 3, [0.0] * 3

    def restart(self, numbers):
        low, high = self.cfg.delay_s
        if high > 0:
            self.delay = low + (high - low) * next(numbers)
        if self.cfg.dropout > 0:
            self.lost = next(numbers) < self.cfg.dropout
        self.fresh = True

    def receive(self, time, numbers):
        cfg = self.cfg
        if cfg.dropout > 0:
            chance = 1 - self.recover if self.lost else self.lose
            self.lost = next(numbers) < chance
        arrived = self.fresh or not self.lost
        if arrived:
            self.packet_time = time - self.delay
        for name, scale in (
            ("noise", cfg.joint_noise_rad),
            ("shift", cfg.position_noise_m),
            ("rotvec", cfg.orientation_noise_rad),
        ):
            if scale > 0:
                values = next(numbers)
                if arrived:
                    setattr(self, name, [scale * value for value in values])

    def smooth(self, pos, vel):
        now = [p + b + n for p, b, n in zip(pos, self.bias, self.noise, strict=True)]
        if self.fresh:
            self.averages = [now, now, now]
        else:
            share, last = self.cfg.smoothing, self.averages[-1]
            mean = [share * a + (1 - share) * b for a, b in zip(now, last, strict=True)]
            self.averages = [*self.averages[1:], mean]
        self.fresh = False
        if self.cfg.smoothing == 1.0:
            return now, vel
        old, new = self.averages[0], self.averages[2]
        return new, [(b - a) / (2 * DT) for a, b in zip(old, new, strict=True)]


def motion(time):
    """Angles and velocities of the two joints at a time (a scalar or an array)."""
    pos = np.stack([np.sin(3 * time), np.cos(2 * time)], axis=-1)
    return pos, np.stack([3 * np.cos(3 * time), -2 * np.sin(2 * time)], axis=-1)


@st.composite
def configurations(draw):
    some = st.sampled_from([0.0, 0.01, 0.3])
    low, high = sorted((draw(st.floats(0, 0.5)), draw(st.floats(0, 0.5))))
    dropout = draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))
    return InterfaceCfg(
        delay_s=draw(st.sampled_from([(0.0, 0.0), (low, high)])),
        dropout=dropout,
        dropout_s=draw(st.sampled_from([0.0, 0.04, 0.2])),
        joint_noise_rad=draw(some),
        joint_bias_rad=draw(some),
        orientation_noise_rad=draw(some),
        position_noise_m=draw(some),
        smoothing=draw(st.sampled_from([1.0, 0.3, 0.0])),
        seed=draw(st.integers(0, 3)),
    )


@settings(max_examples=60, deadline=None)
@given(
    cfg=configurations(),
    seed=st.integers(0, 1000),
    events=st.lists(st.sampled_from(["step", "step", "step", "some", "reset"]), max_size=12),
    kind=st.sampled_from([np.asarray, torch.from_numpy]),
)
def test_many_at_once_are_as_many_alone(cfg, seed, events, kind):
    n, rng, numbers = 3, np.random.default_rng(seed), Numbers(seed, kind)
    time = rng.uniform(0, 5, n)
    all_rows = np.arange(n)
    many = Interface(cfg, NAMES, time_s=kind(time.copy()), step_s=DT, source=numbers)
    assert not numbers.given  # nothing is drawn before an episode begins
    alone = [OneInterface(cfg, cfg.joint_bias(NAMES)) for _ in range(n)]
    seen = np.zeros((n, 4))

    def restart(rows):
        many.restart(kind(rows))
        drawn = numbers.take()
        for place, row in enumerate(rows):
            alone[row].restart(iter([values[place] for values in drawn]))

    restart(all_rows)
    for event in ["step", *events]:
        rows = all_rows if event == "step" else np.sort(rng.permutation(n)[: rng.integers(1, n)])
        if event == "reset":
            time[rows] = rng.uniform(0, 5, len(rows))
            restart(rows)
        time[rows] += DT
        moved = None if event == "step" else kind(np.isin(all_rows, rows))
        many.receive(kind(time.copy()), moved)
        drawn = numbers.take()
        packet = np.asarray(many.packet_time_s)
        pos, vel = (np.asarray(x) for x in many.smooth(*map(kind, motion(packet))))
        for row in rows:
            one = alone[row]
            one.receive(time[row], iter([values[row] for values in drawn]))
            seen[row] = np.concatenate(one.smooth(*motion(one.packet_time)))
        np.testing.assert_allclose(packet, [one.packet_time for one in alone], atol=1e-12)
        np.testing.assert_allclose(np.hstack([pos, vel]), seen, atol=1e-9)
        np.testing.assert_allclose(many.shift, [one.shift for one in alone], atol=1e-12)
        rotvec = [one.rotvec for one in alone]
        np.testing.assert_allclose(quat_to_rotvec(np.asarray(many.turn)), rotvec, atol=1e-9)


def run_losses(dropout, dropout_s, n=4000, steps=200):
    cfg = InterfaceCfg(dropout=dropout, dropout_s=dropout_s)
    many = Interface(cfg, NAMES, time_s=np.zeros(n), step_s=DT, source=Numbers(3))
    many.restart(np.arange(n))
    lost = []
    for step in range(steps):
        many.receive(np.full(n, step * DT))
        held = many.packet_time_s < step * DT - 1e-9
        lost.append(held)
        assert step or not held.any()  # the first packet always arrives
    return np.array(lost)[1:]


@pytest.mark.parametrize(
    ("share", "outage_s", "mean_packets"),
    [(0.2, 0.1, 5.0), (0.05, 0.5, 25.0), (0.5, 0.02, 1.0), (0.3, 0.0, 1 / 0.7)],
)
def test_share_and_length_of_outages(share, outage_s, mean_packets):
    lost = run_losses(share, outage_s)
    # The chain mixes in about `mean_packets` steps, which leaves so many independent samples.
    spread = math.sqrt(share * (1 - share) * 2 * mean_packets / lost.size)
    assert lost.mean() == pytest.approx(share, abs=5 * spread)
    assert lost[0].mean() == pytest.approx(share, abs=5 * math.sqrt(share / lost.shape[1]))
    ends = (lost[:-1] & ~lost[1:]).sum() / lost[:-1].sum()  # chance that an outage ends
    assert 1 / ends == pytest.approx(mean_packets, rel=0.05)


def test_losing_everything_or_nothing():
    assert run_losses(1.0, 0.3, n=10, steps=20).all()
    assert not run_losses(0.0, 0.3, n=10, steps=20).any()


@pytest.mark.parametrize(
    ("share", "outage_s", "least"), [(0.9, 0.1, "0.18 s"), (0.1, 0.01, "0.02 s")]
)
def test_outages_too_short_for_their_share_are_refused(share, outage_s, least):
    cfg = InterfaceCfg(dropout=share, dropout_s=outage_s)
    with pytest.raises(MimiclabError, match=f"last {least} or more.*0 for packets"):
        cfg.loss_chances(DT)
    assert InterfaceCfg(dropout=0.9, dropout_s=0.18).loss_chances(DT) == pytest.approx((1.0, 1 / 9))


def test_delays_fill_their_range_and_last_the_episode():
    n = 5000
    cfg = InterfaceCfg(delay_s=(0.1, 0.35))
    many = Interface(cfg, NAMES, time_s=np.zeros(n), step_s=DT, source=Numbers(1))
    many.restart(np.arange(n))
    first = many.delay_s.copy()
    assert first.min() >= 0.1 and first.max() <= 0.35
    assert np.histogram(first, 5, (0.1, 0.35))[0] == pytest.approx([n / 5] * 5, rel=0.1)
    for step in range(5):
        many.receive(np.full(n, 2.0 + step * DT))
        np.testing.assert_allclose(2.0 + step * DT - many.packet_time_s, first)
    many.restart(np.arange(10))
    assert (many.delay_s[:10] != first[:10]).all() and (many.delay_s[10:] == first[10:]).all()


def test_the_bias_belongs_to_seed_and_joint_names(g1):
    cfg = InterfaceCfg(joint_bias_rad=0.1)
    bias = dict(zip(g1.joint_names, cfg.joint_bias(g1.joint_names), strict=True))
    backwards = cfg.joint_bias(g1.joint_names[::-1])
    assert [bias[name] for name in g1.joint_names[::-1]] == backwards.tolist()
    other = InterfaceCfg(joint_bias_rad=0.1, seed=1).joint_bias(g1.joint_names)
    assert not np.isclose(list(bias.values()), other).any()
    seeds = [InterfaceCfg(joint_bias_rad=0.1, seed=i).joint_bias(NAMES) for i in range(2000)]
    assert np.std(seeds) == pytest.approx(0.1, rel=0.05) and abs(np.mean(seeds)) < 0.01


def test_an_average_lags_and_its_slope_is_the_velocity():
    """A ramp of 1 rad/s: the average lags by (1 - share) / share steps, the velocity is exact."""
    cfg = InterfaceCfg(smoothing=0.3)
    one = Interface(cfg, NAMES, time_s=np.zeros(1), step_s=DT, source=Numbers(0))
    one.restart(np.arange(1))
    pos = vel = np.zeros((1, 2))
    for step in range(100):
        one.receive(np.array([step * DT]))
        pos, vel = one.smooth(np.full((1, 2), step * DT), np.full((1, 2), 99.0))
        if step == 0:
            assert vel.tolist() == [[0.0, 0.0]]
    np.testing.assert_allclose(pos, (99 - 0.7 / 0.3) * DT, atol=1e-9)
    np.testing.assert_allclose(vel, 1.0, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"delay_s": (0.3, 0.1)}, "shortest <= longest"),
        ({"dropout": 1.2}, "expected 0 to 1"),
        ({"joint_noise_rad": -0.1}, "expected 0 or more"),
        ({"seed": -1}, "expected 0 or more"),
    ],
)
def test_values_that_no_interface_has_are_refused(values, says):
    with pytest.raises(MimiclabError, match=says):
        InterfaceCfg(**values)
