import socket

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from mimiclab.cli.main import main

SMALL = ["--size", "128", "96", "--seconds", "0.2", "--renderer", "software"]


def test_video_picture_and_page(tmp_path, capsys):
    for name in ("a.mp4", "a.png", "a.html"):
        assert main(["motion", "render", "builtin:stand", str(tmp_path / name), *SMALL]) == 0
        assert (tmp_path / name).stat().st_size > 1000
    assert iio.imread(tmp_path / "a.mp4").shape == (6, 96, 128, 3)
    assert iio.imread(tmp_path / "a.png").shape == (2 * 96 + 4, 4 * 128 + 12, 3)
    page = (tmp_path / "a.html").read_text()
    assert "data:video/mp4;base64," in page and "Foot height" in page and "Fastest joints" in page


def test_a_folder_of_videos_and_a_comparison(tmp_path):
    both = "builtin:stand,builtin:squat"
    assert main(["motion", "render", both, str(tmp_path / "out"), *SMALL]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"stand.mp4", "squat.mp4"}
    assert main(["motion", "render", both, str(tmp_path / "gallery.png"), *SMALL]) == 0
    assert iio.imread(tmp_path / "gallery.png").shape == (96, 2 * 128 + 4, 3)
    compare = ["--reference", "builtin:squat", "--placement", "over", "--times", "0.1"]
    path = tmp_path / "c.png"
    assert main(["motion", "render", "builtin:stand", str(path), *compare, *SMALL]) == 0
    assert iio.imread(path).shape == (96, 128, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["builtin:stand", "a.gif"], "expected .mp4, .png, .html or a folder"),
        (["builtin:stand,builtin:squat", "a.mp4"], "give a folder"),
        (["builtin:stand", "a.mp4", "--start", "99"], "choose an earlier --start"),
        (["builtin:stand", "a.mp4", "--size", "99", "50"], "even numbers"),
        (["builtin:stnad", "a.mp4"], "stand"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["motion", "render", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_person_is_drawn_alone_and_beside_a_robot(person_file, tmp_path):
    small = ["--size", "96", "96", "--columns", "1", "--rows", "1", "--no-captions"]
    person, robot, both = (tmp_path / f"{name}.png" for name in ("person", "robot", "both"))
    assert main(["motion", "render", str(person_file.parent), str(person), *small]) == 0
    assert main(["motion", "render", "builtin:stand", str(robot), *small]) == 0
    reference = ["--reference", str(person_file)]
    assert main(["motion", "render", "builtin:stand", str(both), *reference, *small]) == 0
    orange = [
        ((p[..., 0] - p[..., 2] > 60).mean())
        for p in (np.asarray(Image.open(path)).astype(int) for path in (person, robot, both))
    ]
    assert orange[0] > 0.02 and orange[1] == 0 and orange[2] > 0.01
    assert main(["motion", "render", str(person_file), str(tmp_path / "p.html")]) == 2


def test_many_motions_in_one_sheet_or_video(tmp_path):
    options = ["--sheet", "--size", "64", "64", "--columns", "2", "--seconds", "0.5"]
    for name in ("many.png", "many.mp4"):
        arguments = ["builtin:stand,builtin:squat", str(tmp_path / name), *options]
        assert main(["motion", "render", *arguments]) == 0
    assert Image.open(tmp_path / "many.png").size == (2 * 64 + 4, 2 * 64 + 4)
    assert iio.imread(tmp_path / "many.mp4").shape == (13, 64, 132, 3)


@pytest.fixture
def taken_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_is_named_with_another_one(taken_port, capsys):
    assert main(["play", "builtin:stand", "--port", str(taken_port)]) == 2
    error = capsys.readouterr().err
    assert f"127.0.0.1:{taken_port}" in error and "use --port" in error
    assert main(["play", "builtin:stand", "--port", "99999"]) == 2
    assert "expected 1 to 65535" in capsys.readouterr().err


def test_a_motion_plays_and_ends(capsys):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert main(["play", "builtin:stand", "--port", str(port), "--seconds", "0.3"]) == 0
    assert f"http://localhost:{port}" in capsys.readouterr().out
