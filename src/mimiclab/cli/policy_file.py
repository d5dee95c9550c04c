"""Opening a policy file that is ours or another project's."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimiclab.deployment.policy import Policy


def open_policy(path: Path, contract: str | None, action_scale: str = "") -> "Policy":
    """The policy of a file; what a user should know of a foreign one is printed.

    Args:
        path: an ONNX file.
        contract: None for a file of ours, otherwise as `ForeignPolicy`.
        action_scale: as `ForeignPolicy`.

    Raises:
        MimiclabError: an action scale for a file of ours.
        ContractError: as `OnnxPolicy` and `ForeignPolicy`.
    """
    from mimiclab.deployment.foreign_policy import ForeignPolicy
    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.errors import MimiclabError

    if contract is None:
        if action_scale:
            raise MimiclabError(
                "--action-scale is for files of other projects, with --contract; a file of ours "
                "says its own"
            )
        return OnnxPolicy(path)
    policy = ForeignPolicy(path, contract, action_scale=action_scale)
    for remark in policy.remarks:
        print(f"{path.name}: {remark}", file=sys.stderr)
    return policy
