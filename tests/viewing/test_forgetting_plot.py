import re

import numpy as np
import pytest

from mimiclab.errors import OutputError
from mimiclab.evaluation.comparison import compare
from mimiclab.viewing.forgetting_plot import (
    forgetting_panels,
    write_forgetting_html,
    write_forgetting_png,
)


def report(error: dict[str, float], success: float) -> dict:
    groups = {
        group: {
            "success_rate": {"mean": success, "ci95": [success - 0.1, min(1.0, success + 0.1)]},
            "anchor_position_error": {"mean": value, "ci95": None},
        }
        for group, value in error.items()
    }
    return {
        "protocol": {},
        "clips": [{"group": group, "clip": f"{group} clip"} for group in error],
        "summary": next(iter(groups.values())),
        "summary_by_group": groups,
    }


@pytest.fixture
def comparison():
    return compare(
        {
            "gmt": report({"amass": 0.1, "vr": 0.6}, 0.9),
            "adaptor": report({"vr": 0.2}, 0.8),
            "residual": report({"amass": 0.12, "vr": 0.25}, 0.9),
        }
    )


def test_a_panel_for_each_metric_that_was_measured(comparison):
    success, anchor = forgetting_panels(comparison)
    assert (success.title, success.unit, success.places) == (
        "success", "%", ("gmt", "adaptor", "residual"),
    )  # fmt: skip
    assert success.series["amass"] == [90.0, None, 90.0]
    assert success.intervals["vr"][1] == pytest.approx((70.0, 90.0))
    assert anchor.series == {"amass": [0.1, None, 0.12], "vr": [0.6, 0.2, 0.25]}


def test_the_page_has_plot_and_table(comparison, tmp_path):
    page = write_forgetting_html(comparison, tmp_path / "f.html").read_text()
    assert page.count("<svg") == 2
    rows = re.findall(r"<tr><td>(\w+)</td><td>(\w+)</td><td>([^<]+)</td><td>([^<]+)</td>", page)
    assert ("vr", "adaptor", "80 [70, 90] %", "0.200") in rows
    assert len(rows) == 5
    with pytest.raises(OutputError):
        write_forgetting_html(comparison, tmp_path / "f.html" / "g.html")


def test_the_picture(comparison, tmp_path):
    from PIL import Image

    picture = np.asarray(Image.open(write_forgetting_png(comparison, tmp_path / "f.png")))
    assert picture.shape[1] > 1000 and picture.shape[0] > 300
    first, second = np.array([29, 127, 151]), np.array([214, 84, 58])  # the groups' colours
    for color in (first, second):
        assert (np.abs(picture[..., :3].astype(int) - color).max(-1) < 8).sum() > 1000
