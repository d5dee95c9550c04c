import re

import numpy as np

from mimiclab.evaluation.robustness import RobustnessResult
from mimiclab.evaluation.teleop import TeleopResult
from mimiclab.viewing.sweep_looks import ROBUSTNESS, TELEOP
from mimiclab.viewing.sweep_page import sweep_panels, write_sweep_html, write_sweep_png


def summary(success, error):
    return {
        "success_rate": {"mean": success, "ci95": [success - 0.05, success + 0.05]},
        "anchor_position_error": {"mean": error, "ci95": [0.9 * error, 1.1 * error]},
        "body_position_error": {"mean": error / 4, "ci95": None},
    }


POINTS = [
    {"policy": policy, "sweep": sweep, "value": value, "interface": {},
     "summary": summary(0.9 - 0.5 * i * slope, 0.2 + i * slope)}
    for policy, slope in (("gmt", 1.0), ("residual", 0.2))
    for sweep, values in (("delay_s", (0.0, 0.4)), ("smoothing", (1.0, 0.3)))
    for i, value in enumerate(values)
]  # fmt: skip
RESULT = TeleopResult(
    policies=("gmt", "residual"), protocol={"engine": "native"}, labels={"gmt": {}}, points=POINTS
)


def test_a_panel_for_each_sweep_and_metric_with_a_curve_for_each_policy():
    panels = sweep_panels(RESULT, TELEOP)
    assert [(p.title, p.x_label) for p in panels[:3]] == [
        ("success", "delay (s)"), ("E_AP", "delay (s)"), ("E_BP", "delay (s)"),
    ]  # fmt: skip
    success = panels[0]
    assert success.places == (0.0, 0.4) and not success.falling
    assert success.series == {"gmt": [90.0, 40.0], "residual": [90.0, 80.0]}
    np.testing.assert_allclose(success.intervals["gmt"][1], (35.0, 45.0))
    assert panels[3].falling  # less of the new packet is worse
    assert panels[2].intervals["gmt"] == [None, None]


def test_the_page(tmp_path):
    page = write_sweep_html(RESULT, tmp_path / "t.html", TELEOP, title="T").read_text()
    assert page.count("<svg") == 6
    assert "Clip by clip" not in page
    rows = re.findall(r"<tr><td>delay</td><td>([^<]+)</td><td>([^<]+)</td><td>([^<]+)</td>", page)
    assert rows[1] == ("0.4 s", "40 [35, 45]", "1.200 [1.080, 1.320]")
    assert len(rows) == 4


def test_the_picture(tmp_path):
    from PIL import Image

    picture = np.asarray(Image.open(write_sweep_png(RESULT, tmp_path / "t.png", TELEOP)))
    height, width = picture.shape[:2]
    assert width > height > 500
    color = np.array([29, 127, 151])  # of the first policy
    assert (np.abs(picture[..., :3].astype(int) - color).max(-1) < 8).sum() > 1000


def test_robustness_is_drawn_in_its_own_units(tmp_path):
    points = [
        {"policy": "a", "sweep": sweep, "value": value, "perturbation": {}, "summary": {
            "success_rate": {"mean": 0.5, "ci95": [0.4, 0.6]},
            "completion": {"mean": 0.75, "ci95": None},
            "mpjpe_root_mm": {"mean": 20.0, "ci95": [19.0, 21.5]}}}
        for sweep, values in (("push_n", (0.0, 100.0)), ("friction", (0.6, 0.2)))
        for value in values
    ]  # fmt: skip
    result = RobustnessResult(
        policies=("a",), protocol={}, labels={"a": {}}, points=points, notes=("x is off",)
    )
    force, done, error, slip, *_ = sweep_panels(result, ROBUSTNESS)
    assert force.x_label == "horizontal force on the torso (N)" and not force.falling
    assert done.series == {"a": [75.0, 75.0]} and error.intervals["a"][0] == (19.0, 21.5)
    assert slip.falling and slip.x_label == "friction of the feet on the floor"
    page = write_sweep_html(result, tmp_path / "r.html", ROBUSTNESS, title="R").read_text()
    assert "20.0 [19.0, 21.5]" in page and "x is off" in page
