import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from mimiclab.errors import MimiclabError, OutputError
from mimiclab.viewing import report
from mimiclab.viewing.report import Heat, write_evaluation_html, write_run_report


def evaluation(scale: float) -> dict:
    return {
        "schema": 1,
        "protocol": {"engine": "native", "seeds": 20, "note": "<b>&"},
        "clips": [
            {"clip": "wave", "start": "zero", "episodes": 20, "success_rate": 1 - scale,
             "completion": 0.9, "mpjpe_global_mm": 100 * scale},
        ],
        "summary": {
            "success_rate": {"mean": 1 - scale, "ci95": [1 - 1.1 * scale, 1 - 0.9 * scale]},
            "completion": {"mean": 0.9, "ci95": None},
            "mpjpe_global_mm": {"mean": 100 * scale, "ci95": [95 * scale, 105 * scale]},
        },
        "body_mpjpe_mm": {"pelvis": 80 * scale, "torso_link": 120 * scale},
    }  # fmt: skip


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "my_run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"schema": 1, "seed": 7}))
    lines = [
        {"iteration": i, "env_steps": 1000 * i, "time_s": 90.0 * i, "mean_episode_length": 3.0 * i,
         "mean_reward": None, "rewards": {"body": 0.1 * i}, "losses": {}}
        for i in range(20)
    ]  # fmt: skip
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"cut off')
    (folder / "evaluation.json").write_text(json.dumps(evaluation(0.2)))
    (folder / "evaluation_untrained.json").write_text(json.dumps(evaluation(0.9)))
    (folder / "evaluation_shipped.json").write_text(json.dumps(evaluation(0.1)))
    return folder


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v]


def test_a_run_on_one_page(run):
    heat = Heat(values=np.full((2, 4), 0.125), clips=["wave", "bow"], bin_s=1.0)
    page = write_run_report(run, heat=heat).read_text()
    for text in ("my_run", "Episode length", "Reward terms", "80 %", "28 min 30 s", "0.02 M",
                 "Where training episodes start", "&#34;seed&#34;: 7"):  # fmt: skip
        assert text in page, text
    assert all(link.startswith(("data:", "#")) for link in Links(page).found)
    assert not re.search(r"<script|@import|url\((?!#)", page)
    heads = re.findall(r'<th><i class="dot s\d"></i>(\w+)</th>', page)
    assert heads == ["untrained", "trained", "shipped"]


def test_the_best_policy_of_each_row_is_marked(run):
    page = write_run_report(run).read_text()
    # Success rate and position error; a row in which all are alike has no best.
    assert re.findall(r'<span class="best">([\d.]+)</span>', page) == ["90.0", "10.0"]


def test_text_is_escaped(run):
    assert "<b>&" not in write_run_report(run, title="<i>run").read_text()


def test_a_small_video_is_embedded_and_a_large_one_linked(run, monkeypatch):
    (run / "video.mp4").write_bytes(b"12345")
    assert "data:video/mp4;base64,MTIzNDU=" in write_run_report(run).read_text()
    monkeypatch.setattr(report, "LARGEST_VIDEO", 4)
    assert Links(write_run_report(run).read_text()).found[0] == "video.mp4"


def test_a_bare_run_is_enough_but_a_folder_must_be_one(run, tmp_path):
    for file in run.glob("evaluation*"):
        file.unlink()
    (run / "metrics.jsonl").unlink()
    assert "my_run" in write_run_report(run).read_text()
    with pytest.raises(MimiclabError, match="is not a run folder"):
        write_run_report(tmp_path)
    (run / "config.json").write_text("{")
    with pytest.raises(MimiclabError, match=r"config.json is not JSON"):
        write_run_report(run)


def test_the_page_of_an_evaluation(tmp_path):
    path = write_evaluation_html({"my policy": evaluation(0.25)}, tmp_path / "e.html")
    page = path.read_text()
    assert "75 %" in page and "whole clip" in page and "71.2 – 78.8" not in page
    assert "72.5 – 77.5" in page and "engine" in page
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_evaluation_html({"p": evaluation(0.5)}, tmp_path / "file" / "e.html")


def test_groups_and_mosaics_metrics_are_tables_of_their_own(tmp_path):
    plain = evaluation(0.25)
    page = write_evaluation_html({"p": plain}, tmp_path / "e.html").read_text()
    assert "Motion groups" not in page and "MOSAIC" not in page
    summary = {
        **plain["summary"],
        "steps": {"mean": 120.4, "ci95": None},
        "anchor_position_error": {"mean": 0.1234, "ci95": None},
        "end_effector_error": {"mean": 0.0567, "ci95": None},
    }
    rich = {
        **plain,
        "summary": summary,
        "summary_by_group": {"gmt": summary, "vr": {"success_rate": {"mean": 0.4, "ci95": None}}},
        "clips": [{**plain["clips"][0], "group": group} for group in ("gmt", "vr")],
    }
    page = write_evaluation_html({"p": rich}, tmp_path / "e.html").read_text()
    assert "E_EP: end effector error" in page and "0.057" in page and "120" in page
    groups = page[page.index("Motion groups") : page.index("MOSAIC")]
    assert re.findall(r"<td>(gmt|vr)</td><td>([\d.]+)</td>", groups) == [
        ("gmt", "75.0"), ("vr", "40.0"),
    ]  # fmt: skip
    assert "gmt: wave" in page and "vr: wave" in page
