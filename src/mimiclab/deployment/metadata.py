"""ONNX metadata: the contract, and the keys that other projects' deployers read.

Numbers are written at full precision. BeyondMimic and mjlab deployers split lists at commas;
Holosoma's reads JSON strings under names of its own (its `action_scale` shares BeyondMimic's name
and is written BeyondMimic's way).
"""

import json
from collections.abc import Iterable
from pathlib import Path

from mimiclab.deployment.contract import METADATA_KEY, ObservationTerm, PolicyContract
from mimiclab.deployment.velocity_command import VelocityCommand
from mimiclab.errors import ContractError


def metadata_of(contract: PolicyContract) -> dict[str, str]:
    """Every metadata entry of an exported policy: key to text."""
    terms, walk = contract.observations, contract.velocity
    return {
        METADATA_KEY: contract.to_json(),
        # BeyondMimic, and mjlab's extensions.
        "run_path": contract.provenance.run or "none",
        "joint_names": ",".join(contract.joint_names),
        "joint_stiffness": _numbers(contract.stiffness),
        "joint_damping": _numbers(contract.damping),
        "default_joint_pos": _numbers(contract.default_joint_pos),
        "command_names": "motion" if walk is None else "velocity",
        "observation_names": ",".join(term.name for term in terms),
        "observation_history_lengths": ",".join(str(term.history) for term in terms),
        "observation_terms_scale": ",".join(_scale(term) for term in terms),
        "observation_terms_flatten_history_dim": ",".join("True" for _ in terms),
        # mjlab counts no history as 0, BeyondMimic as 1.
        "observation_terms_history_length": ",".join(
            str(term.history if term.history > 1 else 0) for term in terms
        ),
        "observation_terms_clip": ",".join(
            _numbers(term.clip or (float("-inf"), float("inf")), ";") for term in terms
        ),
        "action_scale": _numbers(contract.action_scale),
        "anchor_body_name": contract.anchor_body,
        "body_names": ",".join(contract.body_names),
        # Holosoma.
        "dof_names": json.dumps(contract.joint_names),
        "kp": json.dumps(contract.stiffness),
        "kd": json.dumps(contract.damping),
        "command_ranges": "null" if walk is None else json.dumps(_ranges(walk)),
        "iteration": str(contract.provenance.iteration),
    }


def contract_of(metadata: dict[str, str], path: str | Path) -> PolicyContract:
    """The contract among the metadata of the ONNX file `path`.

    Raises:
        ContractError: the file was not exported by mimiclab, or by another version.
    """
    if METADATA_KEY not in metadata:
        kind = (
            "it has BeyondMimic or mjlab metadata, which leave out effort limits, armature, rates "
            "and the robot model"
            if "joint_stiffness" in metadata
            else "it has no deployment metadata at all"
        )
        raise ContractError(
            f"{path}: no `{METADATA_KEY}` in the ONNX metadata: {kind}; write the file with "
            "`mimiclab export RUN`, or run one of another project with `mimiclab sim2sim FILE "
            "--contract auto` (or holosoma-loco, holosoma-wbt, beyondmimic, mjlab, FILE.yaml)"
        )
    return PolicyContract.from_json(metadata[METADATA_KEY], where=str(path))


def _ranges(walk: VelocityCommand) -> dict[str, tuple[float, float]]:
    """Under Holosoma's names."""
    return {
        "lin_vel_x": walk.lin_vel_x,
        "lin_vel_y": walk.lin_vel_y,
        "ang_vel_yaw": walk.ang_vel_z,
    }


def _numbers(values: Iterable[float], separator: str = ",") -> str:
    return separator.join(repr(float(value)) for value in values)


def _scale(term: ObservationTerm) -> str:
    return _numbers(term.scale if isinstance(term.scale, tuple) else (term.scale,), ";")
