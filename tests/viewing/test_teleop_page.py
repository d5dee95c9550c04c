import re

import numpy as np

from mimiclab.evaluation.teleop import TeleopResult
from mimiclab.viewing.teleop_page import teleop_panels, write_teleop_html, write_teleop_png


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
    panels = teleop_panels(RESULT)
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
    page = write_teleop_html(RESULT, tmp_path / "t.html").read_text()
    assert page.count("<svg") == 6
    assert "Clip by clip" not in page
    rows = re.findall(r"<tr><td>delay</td><td>([^<]+)</td><td>([^<]+)</td><td>([^<]+)</td>", page)
    assert rows[1] == ("0.4 s", "40 [35, 45]", "1.200 [1.080, 1.320]")
    assert len(rows) == 4


def test_the_picture(tmp_path):
    from PIL import Image

    picture = np.asarray(Image.open(write_teleop_png(RESULT, tmp_path / "t.png")))
    height, width = picture.shape[:2]
    assert width > height > 500
    color = np.array([29, 127, 151])  # of the first policy
    assert (np.abs(picture[..., :3].astype(int) - color).max(-1) < 8).sum() > 1000
