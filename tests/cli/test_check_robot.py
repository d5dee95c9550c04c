import json

from mimiclab.cli.main import main


def test_named_robot_passes_and_writes_json(tmp_path, capsys):
    out = tmp_path / "report.json"
    assert main(["check", "robot", "unitree_g1", "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["schema"] == 1
    assert report["ok"] is True
    assert report["facts"]["joints"] == 29
    assert "unitree_g1: ok" in capsys.readouterr().out


def test_model_file_gets_a_suggestion_and_exit_code_one_if_unusable(shared_data, capsys):
    path = shared_data / "robots" / "pnd_adam_lite" / "adam_lite_primitives.xml"
    assert main(["check", "robot", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "ADAM_LITE_PRIMITIVES = Robot(" in shown
    assert "ERROR   joint_limits: joint 'wristYaw_Left' has no range" in shown


def test_missing_things_are_named(capsys):
    assert main(["check", "robot", "unitree_g7"]) == 2
    assert main(["check", "robot", "./none.xml"]) == 2
    shown = capsys.readouterr().err
    assert "did you mean 'unitree_g1'" in shown
    assert "no file" in shown


def test_a_model_is_written_without_meshes(tmp_path, capsys):
    small = tmp_path / "small_g1.xml"
    assert main(["check", "robot", "unitree_g1", "--compact", str(small)]) == 0
    full = capsys.readouterr().out
    assert small.stat().st_size < 30_000
    main(["check", "robot", str(small)])
    again = capsys.readouterr().out
    mass = [line for line in full.splitlines() if line.startswith("mass_kg")]
    assert mass and mass[0] in again
