"""`mimiclab motion extract`: the motion inside a policy file, as a motion file."""

from pathlib import Path
from typing import Annotated

import tyro


def extract(
    policy: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY.onnx")],
    output: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    contract: str | None = None,
    clip: str | None = None,
) -> None:
    """Write the reference motion that a policy file holds.

    Of files of other projects the graph is asked for every time step; the root's pose, which
    Holosoma does not store, follows from the torso's by forward kinematics.

    Args:
        policy: A file of ours; with --contract one of Holosoma, BeyondMimic or mjlab.
        output: Motion file to write, .npz or .csv.
        contract: As for `mimiclab sim2sim`.
        clip: Which of the clips in a file of ours; the first by default.
    """
    from mimiclab.deployment.foreign_clip import foreign_clip
    from mimiclab.deployment.foreign_policy import ForeignPolicy
    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.deployment.reference import baked_reference
    from mimiclab.errors import MimiclabError
    from mimiclab.locations import local_path
    from mimiclab.motions.formats import write_motion

    policy = local_path(policy)
    if contract is None:
        opened = OnnxPolicy(policy)
        found = baked_reference(opened, 0 if clip is None else clip).to_clip(opened.contract)
    else:
        if clip is not None:
            raise MimiclabError(
                "files of other projects hold one clip without a name: leave --clip out"
            )
        # What an action means, which some files leave open, does not touch the motion.
        found = foreign_clip(ForeignPolicy(policy, contract, action_scale="1"))
    write_motion(found, output)
    print(f"{output}: {found.num_frames} frames at {found.fps:g} fps, {found.robot}")
