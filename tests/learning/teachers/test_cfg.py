"""Teachers as command lines spell them."""

import pytest

from mimiclab.errors import MimiclabError
from mimiclab.learning.teachers.cfg import TeacherCfg, parse_teacher


@pytest.mark.parametrize(
    "text, path, group, sees",
    [
        ("runs/gmt", "runs/gmt", "", "clean"),
        ("gmt=runs/gmt", "runs/gmt", "gmt", "clean"),
        ("adaptor=runs/a/checkpoints/best.pt@student", "runs/a/checkpoints/best.pt", "adaptor",
         "student"),
        ("policy.onnx@student", "policy.onnx", "", "student"),
        ("policy.onnx@clean", "policy.onnx", "", "clean"),
        ("./lr=1e-3/last.pt", "./lr=1e-3/last.pt", "", "clean"),
        ("g=./lr=1e-3/last.pt", "./lr=1e-3/last.pt", "g", "clean"),
        ("me@home/run", "me@home/run", "", "clean"),
    ],
)  # fmt: skip
def test_group_path_and_view(text: str, path: str, group: str, sees: str) -> None:
    assert parse_teacher(text) == TeacherCfg(path=path, group=group, sees=sees)


@pytest.mark.parametrize("text", ["", "gmt=", "=runs/gmt", "gmt=@student"])
def test_a_missing_part_is_refused(text: str) -> None:
    with pytest.raises(MimiclabError, match=r"\[GROUP=\]PATH"):
        parse_teacher(text)
