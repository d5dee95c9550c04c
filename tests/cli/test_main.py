import subprocess
import sys

import pytest

from mimiclab.cli.main import COMMANDS, find_command, main
from mimiclab.errors import MimiclabError


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in COMMANDS)


def test_two_words_win_over_one():
    assert find_command(["motion", "check", "a.csv"]) == ("motion check", ["a.csv"])
    assert find_command(["play", "x"]) == ("play", ["x"])


def test_unknown_command_offers_the_nearest(capsys):
    with pytest.raises(MimiclabError, match="motion check"):
        find_command(["motion", "chek"])
    assert main(["trian", "tracking"]) == 2
    assert "train tracking" in capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_exists_and_has_help(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*words.split(), "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 200


def test_overview_imports_nothing_heavy():
    code = (
        "import sys; from mimiclab.cli.main import main; main(['--help']); "
        "assert not {'torch', 'mujoco', 'mjlab', 'numpy'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
