"""The pages in a real browser."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from mimiclab.maths.metrics import METRICS
from mimiclab.motions.sources import find_sources
from mimiclab.viewing.player.page import Page
from mimiclab.viewing.player.player import Player
from mimiclab.viewing.player.sources import open_show
from mimiclab.viewing.report import write_evaluation_html
from mimiclab.viewing.workbench.bench import Workbench
from mimiclab.viewing.workbench.catalogue import Catalogue, robot_entries
from mimiclab.viewing.workbench.page import WorkbenchPage

pytestmark = pytest.mark.browser


@pytest.fixture
def page(policy_file, serve):
    show = open_show(policy_file)
    return serve(lambda port: Page(Player(show, playing=False), port=port))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


def middle(browser) -> np.ndarray:
    """The part of the picture where the robot is, (H, W, 3)."""
    image = np.asarray(Image.open(io.BytesIO(browser.screenshot())).convert("RGB")).astype(int)
    return image[190:620, 250:650]


def bluish(browser) -> float:
    """Share of the picture in the colour of the reference."""
    image = middle(browser)
    return float((image[..., 2] - image[..., 0] > 30).mean())


def root_velocity(show) -> np.ndarray:
    """Linear velocity of the simulated root, (3,), m/s."""
    return show._simulator.data.qvel[:3].copy()


def test_the_robot_is_drawn_and_the_controls_act(page, open_browser, tmp_path):
    player, show = page.player, page.player.show
    browser = open_browser(page.url)
    browser.wait_for("document.body?.innerText.includes('Tracking error')")
    assert "nothing" in browser.text() and "unitree_g1" in browser.text()

    # The dark head, hands and feet of the robot stand out from the light floor.
    wait_for(lambda: (middle(browser).max(axis=-1) < 90).mean() > 0.004, 90)
    (tmp_path / "player.png").write_bytes(browser.screenshot())
    assert bluish(browser) < 0.004  # the reference is inside the robot
    browser.choose("Reference", "beside")
    wait_for(lambda: bluish(browser) > 0.01)
    (tmp_path / "beside.png").write_bytes(browser.screenshot())
    browser.choose("Reference", "hidden")
    wait_for(lambda: bluish(browser) < 0.004)

    browser.click("Step")
    wait_for(lambda: show.frame == 1)
    browser.wait_for("document.body?.innerText.includes('frame 1 of')")
    browser.click("Play")
    browser.wait_for("[...document.querySelectorAll('button')].some(b => b.innerText == 'Pause')")
    wait_for(lambda: show.frame > 10)
    browser.click("Pause")
    wait_for(lambda: not player.clock.playing)

    before = root_velocity(show)
    browser.click("Push")  # in a random direction, so that the tracking error may even fall
    wait_for(lambda: np.linalg.norm(root_velocity(show) - before) > 0.4)

    browser.click("Reset")
    wait_for(lambda: show.frame == 0)
    browser.press("[role=slider]", "End")
    wait_for(lambda: show.frame == show.num_frames - 2)  # the last from which a policy can start
    browser.choose("Clip", "wave")
    wait_for(lambda: show.clip == 1)
    browser.choose("Speed", "2x")
    wait_for(lambda: player.clock.speed == 2)


@pytest.mark.parametrize("width", [500, 1200])
def test_the_report_fits_the_screen(tmp_path, open_browser, width):
    summary = {name: {"mean": 0.123456, "ci95": [0.1, 0.2]} for name in METRICS}
    clip = {
        "clip": "a_clip_with_a_long_name_subject1",
        "start": "zero",
        **dict.fromkeys(METRICS, 1),
    }
    one = {"summary": summary, "clips": [clip], "body_mpjpe_mm": {"pelvis": 3.0}}
    path = write_evaluation_html({"untrained": one, "trained": one, "shipped": one},
                                 tmp_path / "e.html")  # fmt: skip
    browser = open_browser(path.as_uri(), (width, 800))
    browser.wait_for("document.querySelector('footer')?.innerText.includes('one file')")
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.evaluate("document.querySelectorAll('svg').length") == 1


def test_choosing_and_cutting_on_the_workbench(serve, open_browser, tmp_path):
    entries = robot_entries(find_sources(["builtin:squat", "builtin:hop"], robot="unitree_g1"))
    bench = Workbench(Catalogue(entries), tmp_path / "cuts")
    page = serve(lambda port: WorkbenchPage(bench, port=port))
    browser = open_browser(page.url, (1200, 1000))
    browser.wait_for("document.body?.innerText.includes('2 of 2 motions')")
    browser.choose("Motion", "builtin:hop")
    wait_for(lambda: bench.main.clip.name == "hop")
    browser.click("Pause")
    wait_for(lambda: not bench.clock.playing)
    bench.seek(1.0)
    browser.click("In: begin here")
    wait_for(lambda: bench.trim[0] == bench.frame > 0)
    browser.click("Save")
    browser.wait_for("document.body?.innerText.includes('wrote')")
    assert (tmp_path / "cuts" / "hop_cut.npz").is_file()
    browser.click("Save")
    browser.wait_for("document.body?.innerText.includes('exists')")
    (tmp_path / "workbench.png").write_bytes(browser.screenshot())
