"""Which clips a policy is run on: the options that say so, and what they name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from mimiclab.evaluation.candidates import Candidate
    from mimiclab.motions.library import MotionLibrary

Groups = Annotated[
    tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=MOTIONS")
]
"""Type of the option --group."""


def clips_to_score(
    candidate: "Candidate",
    motion: str | None,
    motion_folder: Path | None,
    groups: Sequence[str] = (),
) -> "MotionLibrary":
    """The clips that `--motion` or `--group` name, by default those that came with the policy.

    Args:
        candidate: the policy.
        motion: what `open_motions` takes.
        motion_folder: where the files of published motion sets are.
        groups: NAME=MOTIONS each, in place of `motion`.

    Raises:
        MimiclabError: it brings none, or motions and groups are both named.
    """
    from mimiclab.errors import MimiclabError
    from mimiclab.motions.library.open import open_groups, open_motions

    task = candidate.task
    where = {"robot": task.robot, "fps": task.control_hz, "motion_folder": motion_folder}
    if groups and motion is not None:
        raise MimiclabError(
            "--motion and --group were both given; name all motions by --group NAME=MOTIONS"
        )
    if groups:
        return open_groups(named(groups, "--group NAME=MOTIONS"), **where)
    if motion is not None:
        return open_motions(motion, **where)
    if candidate.library is None:
        raise MimiclabError(
            "this policy brings no motion along; say which clips to score with --motion, "
            "for example --motion builtin:walk"
        )
    return candidate.library


def named(pairs: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE words as a dict.

    Raises:
        MimiclabError: a word without a name or value, or a name twice.
    """
    from mimiclab.errors import MimiclabError

    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise MimiclabError(f"{pair!r} has no name or no value; write {option}")
        if name in found:
            raise MimiclabError(f"{name!r} was given twice; give {option} once for each name")
        found[name] = value
    return found
