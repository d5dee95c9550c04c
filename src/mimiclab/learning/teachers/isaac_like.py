"""Layouts that the exporters of Isaac Lab (BeyondMimic, MOSAIC) and of mjlab write as metadata."""

from mimiclab.errors import ContractError
from mimiclab.learning.teachers.layouts import (
    DESCRIBE,
    OUR_NAMES,
    Adapter,
    ForeignFile,
    ForeignLayout,
    ForeignTerm,
    Metadata,
    gains_of,
    number,
    numbers,
    require,
    robot_of,
    with_told_scale,
    words,
)


def _isaac_like(opened: ForeignFile) -> ForeignLayout:
    metadata, file = opened.metadata, opened.name
    require(
        metadata, file,
        ("joint_names", "default_joint_pos", "action_scale", "observation_names"),
    )  # fmt: skip
    joints = words(metadata["joint_names"])
    robot = robot_of(joints, file)
    names = words(metadata["observation_names"])
    frames = [max(1, int(n)) for n in words(_history(metadata))] or [1] * len(names)
    scales = [number(s, file) for s in words(metadata.get("observation_terms_scale", ""))]
    scales = scales or [1.0] * len(names)
    for clip in words(metadata.get("observation_terms_clip", "")):
        if clip != "-inf;inf":
            raise ContractError(
                f"{file}: observations are clipped to {clip}, which is not read; {DESCRIBE}"
            )
    for values, what in ((frames, "history lengths"), (scales, "scales")):
        if len(values) != len(names):
            raise ContractError(
                f"{file}: {len(names)} observation names but {len(values)} {what} in the "
                f"metadata; {DESCRIBE}"
            )
    terms = tuple(
        ForeignTerm(name=OUR_NAMES.get(n, n), history=h, scale=s)
        for n, h, s in zip(names, frames, scales, strict=True)
    )
    layout = ForeignLayout(
        robot=robot.name,
        observations=terms,
        joint_names=joints,
        default_joint_pos=numbers(metadata["default_joint_pos"], len(joints), file),
        action_scale=numbers(metadata["action_scale"], len(joints), file),
        body_names=words(metadata.get("body_names", "")),
        anchor_body=metadata.get("anchor_body_name", ""),
        **gains_of(
            robot, joints, metadata.get("joint_stiffness"), metadata.get("joint_damping"), file
        ),
    )
    return with_told_scale(layout, opened)


def _history(metadata: Metadata) -> str:
    lengths = metadata.get("observation_history_lengths")
    return metadata.get("observation_terms_history_length", "") if lengths is None else lengths


def _has_history(metadata: Metadata) -> bool:
    return any(n not in ("0", "1") for n in words(_history(metadata)))


ISAAC_ADAPTERS = (
    Adapter(
        "mosaic",
        lambda m, _: "observation_history_lengths" in m and _has_history(m),
        _isaac_like,
    ),
    Adapter(
        "beyondmimic",
        lambda m, _: (
            "observation_names" in m and "observation_terms_scale" not in m and not _has_history(m)
        ),
        _isaac_like,
    ),
    Adapter("mjlab", lambda m, _: "observation_terms_scale" in m, _isaac_like),
)
