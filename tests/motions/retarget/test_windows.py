"""Division into windows and fading, on made-up answers."""

from itertools import pairwise

import numpy as np
import pytest

from mimiclab.motions.retarget.descent import State
from mimiclab.motions.retarget.windows import divide, solve_windows


@pytest.mark.parametrize("frames", [1, 99, 100, 101, 1000, 1234])
def test_windows_cover_all_frames_and_share_the_overlap(frames):
    cuts = divide(frames, 100, 20)
    assert cuts[0].start == 0 and cuts[-1].stop == frames
    assert max(cut.stop - cut.start for cut in cuts) <= 100
    for before, after in pairwise(cuts):
        assert before.stop - after.start == 20


def test_answers_fade_into_each_other():
    def part(window: slice) -> tuple[State, int, float]:
        frames = np.arange(window.start, window.stop)
        root = np.stack([frames, 0 * frames, np.full(len(frames), window.start)], axis=1)
        quat = np.tile([1.0, 0, 0, 0], (len(frames), 1))
        return State(root.astype(float), quat, frames[:, None] * 2.0), window.start, 1.5

    state, most, cost = solve_windows(part, 230, 100, 20)
    cuts = divide(230, 100, 20)
    assert (most, cost) == (cuts[-1].start, 1.5 * len(cuts)) and len(cuts) == 3
    np.testing.assert_allclose(state.root_pos[:, 0], np.arange(230))  # what all agree on stays
    np.testing.assert_allclose(state.joints[:, 0], 2.0 * np.arange(230))
    z = state.root_pos[:, 2]
    assert (np.diff(z) >= 0).all()
    assert z[cuts[1].start + 4] == 0 and z[cuts[0].stop - 5] == cuts[1].start
    assert np.diff(z).max() < 0.16 * cuts[1].start
