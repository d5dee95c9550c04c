"""Which clips train and which validate: decided for each by its name, for good."""

import hashlib
import re
from collections.abc import Sequence

from mimiclab.errors import MotionError
from mimiclab.motions.sets.snippets import origin


def is_validation(name: str, share: float, *, seed: int = 0, group: str | None = None) -> bool:
    """Whether a clip belongs to the validation part, of which `share` (0 to 1) of all is expected.

    A hash of the seed and the clip's name decides, so clips that come later move no other, and a
    larger share keeps those of a smaller one. Pieces and mirror images go with their clip.

    Args:
        name: of the clip, without folder and suffix.
        share: expected part of the clips, 0 to 1.
        seed: another split of the same share.
        group: regular expression; clips in whose names it finds the same stay together, as
            `subject[0-9]+` keeps each person on one side.
    """
    key = origin(name)
    found = re.search(group, name) if group else None
    if found:
        key = found[0]
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def split_names(
    names: Sequence[str], share: float, *, seed: int = 0, group: str | None = None
) -> tuple[list[str], list[str]]:
    """Names for training and for validation, in the order given; see `is_validation`.

    Raises:
        MotionError: a share outside 0 to 1, a bad expression, or one part is empty.
    """
    if not 0.0 < share < 1.0:
        raise MotionError(f"validation share {share:g}: expected a number between 0 and 1")
    try:
        held = [is_validation(name, share, seed=seed, group=group) for name in names]
    except re.error as error:
        raise MotionError(f"group {group!r} is not a regular expression ({error})") from error
    train = [name for name, out in zip(names, held, strict=True) if not out]
    val = [name for name, out in zip(names, held, strict=True) if out]
    if not train or not val:
        raise MotionError(
            f"all {len(names)} clips fell into {'training' if train else 'validation'}: a hash of "
            f"each name decides; choose another share than {share:g} or another seed than {seed}"
        )
    return train, val
