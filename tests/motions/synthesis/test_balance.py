import numpy as np
import pytest

from mimiclab.motions.synthesis.balance import GRAVITY, com_from_zmp
from mimiclab.motions.synthesis.hop import hop_height
from mimiclab.motions.synthesis.profiles import bump, smoothstep, through, wave, window


def test_resting_push_means_resting_centre_of_mass():
    zmp = np.tile([0.02, -0.1], (50, 1))
    np.testing.assert_allclose(com_from_zmp(zmp, np.full(50, 0.7), 50.0), zmp)


def test_sinusoidal_push_gives_the_pendulums_known_response():
    # c'' = g/z (c - p) with p = sin(w t) has the particular solution p / (1 + w^2 z / g).
    fps, height, omega = 200.0, 0.7, 3.0
    times = np.arange(4001) / fps
    zmp = np.stack([np.sin(omega * times), np.cos(omega * times)], axis=1)
    com = com_from_zmp(zmp, np.full(len(times), height), fps)
    expected = zmp / (1.0 + omega**2 * height / GRAVITY)
    middle = slice(1200, 2800)  # away from the ends, whose influence decays as exp(-3.7 t)
    np.testing.assert_allclose(com[middle], expected[middle], atol=1e-4)


def test_sway_begins_before_the_step_of_the_push():
    zmp = np.zeros((201, 2))
    zmp[100:, 1] = 0.1
    com = com_from_zmp(zmp, np.full(201, 0.7), 50.0)
    assert com[100, 1] == pytest.approx(0.05, abs=2e-3)
    assert 0 < com[80, 1] < 0.05 < com[120, 1] < 0.1


@pytest.mark.parametrize(
    "curve",
    [
        lambda t: smoothstep((t - 0.5) / 1.0),
        lambda t: bump((t - 0.5) / 1.0),
        lambda t: through(t, [(0.2, 1.0), (0.9, -1.0), (1.7, 0.5)]),
        lambda t: window(t, 0.2, 1.8, 0.5),
        lambda t: wave(t, 0.2, 1.8, 1.0, 0.5),
        hop_height(0.67, 0.18, 0.08)[0],
    ],
)
def test_curves_have_continuous_speed_and_acceleration(curve):
    jumps = []
    for fps in (500.0, 2000.0):
        acceleration = np.diff(curve(np.arange(int(4 * fps)) / fps), n=2) * fps**2
        jumps.append(np.abs(np.diff(acceleration)).max())
    # A jump would stay as it is when time is cut finer.
    assert jumps[1] < 0.3 * jumps[0]


def test_curves_pass_their_keys():
    times = np.array([0.0, 0.2, 0.9, 1.7, 5.0])
    keys = [(0.2, 1.0), (0.9, -1.0), (1.7, 0.5)]
    np.testing.assert_allclose(through(times, keys), [1.0, 1.0, -1.0, 0.5, 0.5])


def test_flight_of_the_hop_is_a_free_fall():
    height, takeoff, landing, _ = hop_height(0.67, 0.18, 0.08)
    assert landing - takeoff == pytest.approx(0.18)
    t = np.linspace(takeoff, landing, 50)
    fall = height(np.array([takeoff]))[0] + 0.5 * GRAVITY * (t - takeoff) * (landing - t)
    np.testing.assert_allclose(height(t), fall, atol=1e-9)
