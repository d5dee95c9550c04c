import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimiclab.errors import MimiclabError
from mimiclab.viewing.player.clock import PlaybackClock


def test_steps_follow_wall_time():
    clock = PlaybackClock(0.02)
    assert [clock.due(0.05), clock.due(0.03), clock.due(0.001), clock.due(0.019)] == [2, 2, 0, 1]


@given(st.lists(st.floats(0.0, 0.1), max_size=60), st.sampled_from([0.1, 0.5, 1.0, 2.0]))
def test_no_time_is_lost_or_gained(pieces, speed):
    clock = PlaybackClock(0.02)
    clock.speed = speed
    steps = sum(clock.due(piece) for piece in pieces)
    assert abs(steps * 0.02 - sum(pieces) * speed) < 0.02 + 1e-6


def test_a_pause_neither_counts_nor_is_made_up_for():
    clock = PlaybackClock(0.02)
    clock.due(0.019)
    clock.pause()
    assert clock.due(5.0) == 0
    clock.play()
    assert clock.due(0.019) == 0
    clock.play()  # playing already: nothing is forgotten
    assert clock.due(0.001) == 1


def test_after_a_long_stall_the_motion_does_not_race():
    clock = PlaybackClock(0.02)
    assert clock.due(60.0) <= 25
    assert clock.due(0.02) == 1


@pytest.mark.parametrize("speed", [0, -1, float("nan"), 1000])
def test_impossible_speeds_are_refused(speed):
    with pytest.raises(MimiclabError, match="positive number up to 100"):
        PlaybackClock(0.02).speed = speed
