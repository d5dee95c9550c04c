"""Which clips a policy is run on: the options that say so, and what they name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mimiclab.cli.groups import named

if TYPE_CHECKING:
    from mimiclab.evaluation.candidates import Candidate
    from mimiclab.motions.library import MotionLibrary


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
        return open_groups(named(groups), **where)
    if motion is not None:
        return open_motions(motion, **where)
    if candidate.library is None:
        raise MimiclabError(
            "this policy brings no motion along; say which clips to score with --motion, "
            "for example --motion builtin:walk"
        )
    return candidate.library
