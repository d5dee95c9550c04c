"""Training from task, motions and settings to a run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.learning import distributed, env_state
from mimiclab.learning.build_imitation import build_imitation, plan_teaching
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.logs import JsonlLog, LogSink, TensorBoardLog, WandbLog
from mimiclab.learning.messages import at_limit, closing, opening, teaching
from mimiclab.learning.mirror import task_mirror
from mimiclab.learning.progress import Progress
from mimiclab.learning.run import (
    add_session,
    create_run,
    find_checkpoint,
    load_run,
    read_config,
    require_no_run,
)
from mimiclab.learning.runner import Reason, Runner
from mimiclab.learning.sharding import share_library
from mimiclab.learning.start.residual import install_base, prepare_residual
from mimiclab.learning.start.sources import at_fixed_places, describe_sources, require_unchanged
from mimiclab.learning.start.velocity_estimator import install_estimator, prepare_estimator
from mimiclab.learning.start.warm_start import warm_start
from mimiclab.learning.teachers.routing import GROUP_TERM, STUDENT_GROUPS, TeachingPlan
from mimiclab.simulation.threads import available_cores

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.tasks.task import Task
    from mimiclab.tasks.tracking import TrackingTask


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a training ended."""

    folder: Path
    reason: Reason
    """The limit that was reached, or `interrupted`."""
    iteration: int
    env_steps: int
    train_time_s: float
    best: dict[str, Any] | None
    """Metric, value and iteration of `best.pt`."""


def train(
    task: "Task", library: "MotionLibrary | None", cfg: TrainCfg, folder: str | Path
) -> TrainResult:
    """Train a new run. Under torchrun every process calls this with the same arguments.

    The folder is made when everything fits, so what is refused leaves nothing behind.

    Args:
        task: what to learn.
        library: the clips, at any device; None for a task without motions.
        cfg: settings.
        folder: run folder to make.

    Raises:
        OutputError: the folder holds a run already, or cannot be written.
        EngineError: the engine or device is not available, or the simulation diverged.
        CheckpointError: a teacher, or the run to begin with, is missing or does not fit.
    """
    folder = Path(distributed.from_main(str(Path(folder).resolve())))
    cfg = at_fixed_places(cfg)
    place = distributed.start(distributed.pick_device(cfg.device))
    if place.is_main:
        require_no_run(folder)
    plan = plan_teaching(cfg, task, library, distributed.pick_device(cfg.device))
    return _train(task, library, cfg, folder, plan, resume=None)


def resume(
    path: str | Path,
    *,
    iterations: int | None = None,
    minutes: float | None = None,
    **changes: Any,
) -> TrainResult:
    """Go on with a run from its last checkpoint, or from the checkpoint that `path` names.

    Args:
        path: run folder or checkpoint.
        iterations: new limit on updates in the whole life of the run.
        minutes: new limit on training time in the whole life of the run.
        changes: other fields of `TrainCfg` to change, for example `progress`.

    Raises:
        CheckpointError: no run or checkpoint there, one that does not fit, or a teacher of the run
            that has changed or is gone.
    """
    run = load_run(path)
    limits = {"iterations": iterations, "minutes": minutes}
    changes |= {key: value for key, value in limits.items() if value is not None}
    cfg = replace(run.train, **changes)
    require_unchanged(run.config.get("sources", {}), cfg, run.folder)
    library = run.library if run.has_motions else None
    plan = plan_teaching(cfg, run.task, library, distributed.pick_device(cfg.device))
    return _train(
        run.task,
        library,
        cfg,
        run.folder,
        plan,
        resume=find_checkpoint(run.folder, run.checkpoint),
    )


def _train(
    task: "Task",
    library: "MotionLibrary | None",
    cfg: TrainCfg,
    folder: Path,
    plan: TeachingPlan | None,
    resume: Path | None,
) -> TrainResult:
    device = distributed.pick_device(cfg.device)
    place = distributed.start(device)
    sources = describe_sources(cfg) if resume is None else {}
    mine, sharded = library, False
    if library is not None and plan is not None:
        mine, sharded = share_library(library, cfg.shard, place, same_clips=plan.task.motion_id)
    env = make_training_env(
        task,
        mine,
        cfg,
        device,
        cfg.seed + place.rank,
        views=plan.views if plan else None,
        extra=extra_groups(plan, cfg) if plan else (),
    )
    sinks: Sequence[LogSink] = ()
    try:
        layout = env_state.layout_of(env, robot=task.robot)
        if resume is None and plan:
            cfg = prepare_residual(cfg, layout, plan.task, plan.group_names)
            cfg = prepare_estimator(cfg, layout, plan.task)
        on_cpu = device == "cpu"
        cores = max(1, available_cores() // place.local_world_size)
        seen = env_state.layout_of(env, robot=task.robot, groups=STUDENT_GROUPS)
        runner = Runner(
            env,
            cfg,
            layout=seen,
            mirror=task_mirror(cfg, seen, device),
            imitation=build_imitation(cfg, plan, layout, device=device, seed=cfg.seed + place.rank),
            device=device,
            folder=folder,
            sharded=sharded,
            rollout_threads=1 if on_cpu else None,
            update_threads=update_threads(cfg, cores) if on_cpu else None,
        )
        if resume:
            begun = [*runner.restore(resume), *at_limit(runner)]
        else:
            begun = warm_start(runner.alg, cfg, runner.layout, task)
            if plan:
                actor = runner.alg.actor
                based = install_base(actor, cfg, layout, plan.task)
                begun = [*based, *install_estimator(actor, cfg), *begun]
        progress = None
        if place.is_main:
            facts = {
                "engine": getattr(env.unwrapped, "engine_name", ""),
                "device": device,
                "processes": place.world_size,
                "cores": available_cores(),
            }
            if resume is None:
                create_run(folder, task, cfg, library, sources)
            add_session(folder, runner.iteration, cfg, **facts)
            runner.config = read_config(folder)
            progress = Progress(folder.name, cfg.progress)
            runner.sinks = sinks = [*_sinks(folder, cfg, runner.iteration), progress]
            progress.say(opening(folder, task, library, runner, facts))
            for sentence in [*begun, *(teaching(plan) if plan else ())]:
                progress.say(f"  {sentence}")
        reason = runner.learn()
    finally:
        for sink in sinks:
            sink.close()
        env.close()
    result = TrainResult(
        folder=folder,
        reason=reason,
        iteration=runner.iteration,
        env_steps=runner.env_steps,
        train_time_s=runner.train_time_s,
        best=runner.best,
    )
    if progress:
        progress.say(closing(result))
    return result


def extra_groups(plan: TeachingPlan, cfg: TrainCfg) -> tuple[str, ...]:
    """Single terms to observe besides: what teachers need, and what corrections are logged by."""
    by_group = cfg.residual.base is not None and len(plan.group_names) > 1
    return plan.extra + ((GROUP_TERM,) if by_group and GROUP_TERM not in plan.extra else ())


def update_threads(cfg: TrainCfg, cores: int) -> int:
    """Torch threads that pay for an update: one for each 1024 samples of a batch.

    Waking a second thread for 300 samples doubles a gradient step's time instead of halving it.
    """
    samples = cfg.num_envs * cfg.ppo.steps_per_env // cfg.ppo.mini_batches
    if cfg.algorithm == "fastsac":
        samples = cfg.sac.batch * (2 if cfg.sac.symmetry else 1)
    return max(1, min(cores, samples // 1024))


def make_training_env(
    task: "Task",
    library: "MotionLibrary | None",
    cfg: TrainCfg,
    device: str,
    seed: int,
    *,
    views: "Mapping[str, TrackingTask] | None" = None,
    extra: Sequence[str] = (),
) -> Any:
    """The vectorised environment of a training; `views` and `extra` as in `tracking_env_cfg`."""
    from mjlab.rl import RslRlVecEnvWrapper

    from mimiclab.simulation import make_env

    env_cfg = task.env_cfg(
        library if library is None else library.to(device),
        num_envs=cfg.num_envs,
        views=views,
        extra=tuple(extra),
    )
    env_cfg.seed = seed
    # Processes on one machine share its cores; one alone takes what the engine thinks best.
    group = distributed.ranks().local_world_size
    threads = max(1, available_cores() // group) if group > 1 else None
    env = make_env(env_cfg, engine=cfg.engine, device=device, num_threads=threads)
    return RslRlVecEnvWrapper(env)


def _sinks(folder: Path, cfg: TrainCfg, first: int) -> list[LogSink]:
    sinks: list[LogSink] = [JsonlLog(folder / "metrics.jsonl", first_iteration=first + 1)]
    if cfg.logger == "tensorboard":
        sinks.append(TensorBoardLog(folder, first_iteration=first + 1))
    elif cfg.logger == "wandb":
        sinks.append(WandbLog(folder, cfg.wandb_project, read_config(folder)))
    return sinks
