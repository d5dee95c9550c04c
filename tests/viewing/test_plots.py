import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from mimiclab.viewing import plots

LINES = [
    {"iteration": i, "loss": {"value": 1 / (i + 1), "bad": float("nan")}, "reward": i, "text": "x"}
    for i in range(60)
]


def check(svg: str, *texts: str) -> None:
    ElementTree.fromstring(svg)
    assert svg.startswith("<svg") and "viewBox" in svg.split(">")[0]
    assert " width=" not in svg.split(">")[0]
    assert not any(color in svg for color in plots.SERIES), "a placeholder colour was left"
    assert 'href="http' not in svg and "url(http" not in svg
    for text in texts:
        assert text in svg, text


def test_curves_of_nested_values():
    check(plots.curve(LINES, ["loss/value", "reward"], "Both"), "Both", "value", "var(--series-2)")
    check(plots.curve(LINES, ["reward"], "One", unit="mm", log=True), "One (mm)", "iteration")


@pytest.mark.parametrize("name", ["absent", "loss/absent", "loss/bad", "text", "reward/deeper"])
def test_no_data_no_plot(name):
    assert plots.curve(LINES, [name], "Nothing") == ""


def test_one_point_is_enough():
    check(plots.curve(LINES[:1], ["reward"], "Start"))


def test_bars_with_gaps():
    groups = {"a": {"pelvis": 3.0, "left_knee_link": 4.0}, "b": {"pelvis": 1.0}}
    check(plots.bars(groups, "Bodies", "mm"), "left knee", "pelvis", "var(--series-2)")
    assert plots.bars({"a": {}}, "Bodies", "mm") == ""


def test_heat_map_shows_the_busiest_clips_of_many():
    values = np.full((200, 3), 0.001)
    values[150], values[7, 2] = 0.5, np.nan
    svg = plots.heat_map(values, [f"clip{i}" for i in range(200)], 1.0, "Starts", "p")
    check(svg, "clip150", "60 clips with the highest values of 200")
    assert svg.count(">clip") == 60


def test_foot_heights():
    t = np.arange(50) / 50
    heights = np.stack([0.05 * np.sin(6 * t) ** 2, 0 * t], axis=1)
    check(plots.foot_heights(t, heights, ["left_foot", "right_foot"], 0.01), "left foot")


def test_plots_repeat_exactly():
    assert plots.curve(LINES, ["reward"], "Same") == plots.curve(LINES, ["reward"], "Same")


def test_running_mean_starts_with_what_is_there():
    assert np.allclose(plots._running_mean(np.array([2.0, 4.0, 6.0, 8.0]), 2), [2, 3, 5, 7])
