import numpy as np
import pytest

from mimiclab.viewing.player.player import Player


class Counter:
    """A show of numbers: clip 0 has 5 frames, clip 1 has 3, at other rates."""

    title, robot, clip_names, closed_loop = "counter", None, ("five", "three"), True
    crossed = "a limit"  # told, but no reason to stop

    def __init__(self):
        self.pushed, self.seeks = [], []
        self.choose(0)

    def choose(self, clip):
        self.clip, self.num_frames, self.step_s = clip, (5, 3)[clip], (0.1, 0.5)[clip]
        self.frame = 0

    def seek(self, frame):
        self.seeks.append(frame)
        self.frame = min(max(frame, 0), self.num_frames - 1)

    def advance(self):
        self.frame += 1
        return not self.at_end

    def push(self, velocity):
        self.pushed.append(velocity)

    @property
    def qpos(self):
        return np.array([float(self.frame)])

    reference_qpos = None

    @property
    def errors(self):
        return {"error": 10.0 * self.frame}

    @property
    def at_end(self):
        return self.frame >= self.num_frames - 1


@pytest.fixture
def player():
    return Player(Counter())


def test_time_passes_and_the_clip_repeats(player):
    frames = []
    for _ in range(7):
        assert player.update(0.1)
        frames.append(player.snapshot().frame)
    assert frames == [1, 2, 3, 4, 0, 1, 2]
    assert not player.update(0.001)


def test_without_repeat_it_pauses_at_the_end_and_play_begins_again(player):
    player.repeat = False
    player.update(2.0)
    now = player.snapshot()
    assert (now.frame, now.playing, now.at_end) == (4, False, True)
    assert player.toggle()
    assert player.snapshot().frame == 0


def test_pause_step_reset(player):
    player.update(0.2)
    assert not player.toggle()
    assert not player.update(1.0) and player.snapshot().frame == 2
    player.step()
    assert player.snapshot().frame == 3 and not player.snapshot().playing
    player.reset()
    assert player.snapshot().frame == 0 and len(player.history("error")[0]) == 0
    player.toggle()
    player.step()
    assert not player.snapshot().playing


def test_seek_takes_seconds(player):
    player.seek(0.3)
    assert player.snapshot().frame == 3
    assert player.snapshot().time_s == pytest.approx(0.3)


def test_another_clip_brings_its_own_rate(player):
    player.update(0.3)
    player.choose(1)
    player.update(0.5)
    now = player.snapshot()
    assert (now.clip, now.frame, now.num_frames, now.step_s) == (1, 1, 3, 0.5)


def test_speed(player):
    player.clock.speed = 2.0
    player.update(0.1)
    assert player.snapshot().frame == 2 and player.snapshot().speed == 2.0


def test_history_goes_on_through_repeats_and_forgets_the_oldest(player):
    player.update(0.3)
    times, errors, absent = player.history("error", "other")
    assert np.allclose(times, [0.1, 0.2, 0.3]) and np.allclose(errors, [10, 20, 30])
    assert np.isnan(absent).all()
    for _ in range(2000):
        player.update(0.1)
    times, _ = player.history("error")
    assert len(times) == 500 and (np.diff(times) > 0).all()


def test_pushes_are_horizontal_and_of_the_asked_strength(player):
    assert np.allclose(player.push(0.5, np.pi / 2), (0, 0.5, 0))
    for _ in range(5):
        velocity = player.push(0.7)
        assert np.linalg.norm(velocity) == pytest.approx(0.7) and velocity[2] == 0
    assert len(player.show.pushed) == 6 and len({tuple(v) for v in player.show.pushed}) == 6
