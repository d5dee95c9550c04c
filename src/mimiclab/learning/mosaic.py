"""MOSAIC's learners (Sun et al. 2026, arXiv 2602.08594) as settings of a training run."""

from dataclasses import replace

from mimiclab.errors import UnknownNameError
from mimiclab.learning.algorithms.cfg import ImitationCfg, WarmStartCfg
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.cfg import ResidualCfg
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.tasks.tracking.mosaic import MosaicRunner, mosaic_id, mosaic_task_of_id
from mimiclab.tasks.tracking.task import TrackingTask

_HYBRID = ImitationCfg(mode="hybrid", recording_batch=100_000)
_DISTIL = ImitationCfg(
    mode="distil",
    decay=1.0,
    weight_min=1.0,
    recording_weight=1.0,
    recording_decay=1.0,
    recording_weight_min=1.0,
    recording_batch=100_000,
)
_IMITATION: dict[MosaicRunner, ImitationCfg] = {
    "ppo": ImitationCfg(),
    "expert-hybrid": ImitationCfg(
        mode="hybrid", recording_weight=0.3, recording_decay=0.995, recording_weight_min=0.01
    ),
    "hybrid": replace(_HYBRID, decay=0.9995, weight_min=1.0),
    "distillation": replace(_DISTIL, unroll=15, train_critic=False),
    "pure-distill": _DISTIL,
    "rl-continue": replace(
        _HYBRID, recording_weight=1.0, recording_decay=0.995, recording_weight_min=1.0
    ),
    "residual": replace(_HYBRID, recording_weight=1.0, recording_weight_min=1.0),
    "multi-teacher-residual": _DISTIL,
}
_ITERATIONS: dict[MosaicRunner, int] = {
    "pure-distill": 10_000,
    "residual": 50_000,
    "multi-teacher-residual": 2_001,
}


def mosaic_train(
    runner: MosaicRunner = "ppo",
    *,
    control_hz: int = 50,
    teachers: tuple[TeacherCfg, ...] = (),
    recording: str | None = None,
    student: str | None = None,
    base: str | None = None,
) -> TrainCfg:
    """The settings of one of MOSAIC's runners, on one process of its size (8,192 environments).

    Where MOSAIC has paths inside its source files, they are arguments here. A hybrid runner without
    anybody to imitate is plain PPO, there and here. The exploration noise of 0 that distilling
    runners begin with is left out, as rollouts then follow mean actions anyway.

    Args:
        runner: which one.
        control_hz: rate of the task; steps and discounts keep their meaning in seconds.
        teachers: who teaches.
        recording: HDF5 file of recorded rollouts.
        student: run that rl-continue goes on from.
        base: frozen policy of the residual runners.

    Raises:
        UnknownNameError: no such runner.
    """
    if runner not in _IMITATION:
        raise UnknownNameError("MOSAIC runner", runner, _IMITATION)
    imitation = replace(_IMITATION[runner], teachers=teachers, recording=recording)
    if imitation.mode == "hybrid" and not teachers and recording is None:
        imitation = ImitationCfg()
    ppo = PpoCfg(hidden=(1024, 1024, 512, 256), **TrackingTask(control_hz=control_hz).ppo_hints())
    residual = ResidualCfg(base=base)
    warm_start = WarmStartCfg()
    if runner == "residual":
        ppo = replace(ppo, init_std=0.8, entropy=0.001)
        # A policy file has no critic to begin with.
        warm_start = WarmStartCfg(critic=None if base and base.endswith(".onnx") else base)
    if runner == "rl-continue":
        warm_start = WarmStartCfg(path=student, std=0.5 if student else None)
        ppo = replace(ppo, init_std=0.5)
    return TrainCfg(
        num_envs=8192,
        iterations=_ITERATIONS.get(runner, 200_000),
        save_interval=500 if runner == "hybrid" else 1000,
        ppo=ppo,
        residual=residual,
        imitation=imitation,
        warm_start=warm_start,
    )


def mosaic_train_of_id(
    name: str,
    *,
    teachers: tuple[TeacherCfg, ...] = (),
    recording: str | None = None,
    student: str | None = None,
    base: str | None = None,
) -> TrainCfg:
    """The settings of the runner of one of MOSAIC's task ids; arguments as of `mosaic_train`.

    Raises:
        UnknownNameError: no such id.
    """
    return mosaic_train(
        mosaic_id(name).runner,
        control_hz=mosaic_task_of_id(name).control_hz,
        teachers=teachers,
        recording=recording,
        student=student,
        base=base,
    )
