"""MOSAIC's ladder: a generalist, an adaptor to one interface, and a residual that joins them.

Each stage reads the run folders of the stages before it. All are scored on the same episodes of the
generalist's motions and of the interface's, so that gain and forgetting stand side by side.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from mimiclab.errors import PipelineError
from mimiclab.evaluation.protocol import Protocol
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.config import TrainCfg, cpu_preset
from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.learning.mosaic import mosaic_train
from mimiclab.learning.networks.cfg import ResidualCfg
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.pipelines.estimator_stage import EstimatorStage
from mimiclab.pipelines.exam import Exam
from mimiclab.pipelines.policy_stage import PolicyStage
from mimiclab.pipelines.stage import Stage
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.mosaic import mosaic_task
from mimiclab.tasks.tracking.task import TrackingTask

ESTIMATOR, GMT, ADAPTOR, RESIDUAL = "estimator", "gmt", "adaptor", "residual"
"""Stages, in order. `gmt` and `adaptor` also name the motion groups."""


@dataclass(kw_only=True)
class MosaicRecipe:
    """Motions, task and the settings of each stage."""

    gmt_motions: str = "builtin:squat"
    """Motions of the generalist (GMT): files, folders, sets; several with commas."""
    adaptor_motions: str = "builtin:squat"
    """Motions of the interface: recorded through it, or clean ones and a simulated `interface`."""
    motion_folder: str | None = None
    """Where the files of published motion sets are."""
    task: TrackingTask = field(default_factory=TrackingTask)
    """Robot and task of all stages. Its interface is simulated on the adaptor's motions only; leave
    it perfect if they were recorded through a real one."""
    estimator: EstimatorCfg = field(default_factory=EstimatorCfg)
    """Training of an estimator of the reference's velocity, before all others; done only if the
    generalist's network is `velocity_skip`."""
    gmt: TrainCfg = field(default_factory=TrainCfg)
    """Training of the generalist."""
    adaptor: TrainCfg = field(default_factory=TrainCfg)
    """Training of the adaptor, on the interface's motions alone."""
    adaptor_from_gmt: bool = False
    """Fine-tune the generalist (MOSAIC's first way) instead of training from scratch."""
    residual: TrainCfg = field(default_factory=TrainCfg)
    """Training of the residual, which imitates each of the two on its own motions."""
    gmt_share: float = 0.5
    """Share of the residual's episodes on the generalist's motions, 0 to 1."""
    seed: int = 42
    """Seed of all stages, in place of each one's own."""
    exam: Protocol = field(
        default_factory=lambda: Protocol(interface="own", seeds=10, random_starts=10)
    )
    """Episodes that every stage is scored on."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            PipelineError: a share that leaves a group without episodes.
        """
        if not 0.0 < self.gmt_share < 1.0:
            raise PipelineError(
                f"gmt_share is {self.gmt_share}; the residual needs motions of both groups, so "
                "give a share between 0 and 1, for example 0.5"
            )


def mosaic_stages(recipe: MosaicRecipe, folder: Path) -> dict[str, Stage]:
    """The stages of a recipe, whose folders will be FOLDER/gmt, FOLDER/adaptor, FOLDER/residual.

    If the generalist's network is told the reference's velocity (`velocity_skip`), and by no
    estimator of the user's, FOLDER/estimator is trained first.
    """
    recipe, estimator = _with_estimator(recipe, folder)
    both = {GMT: recipe.gmt_motions, ADAPTOR: recipe.adaptor_motions}
    gmt, adaptor = str(folder / GMT), str(folder / ADAPTOR)
    first = tuple(stage.name for stage in estimator)
    fine_tuned = replace(recipe.adaptor, warm_start=replace(recipe.adaptor.warm_start, path=gmt))
    policies = (
        PolicyStage(
            name=GMT,
            about="generalist on clean references",
            groups={GMT: recipe.gmt_motions},
            task=replace(recipe.task, interface=InterfaceCfg()),
            train=recipe.gmt,
            needs=first,
        ),
        PolicyStage(
            name=ADAPTOR,
            about="specialist of the interface",
            groups={ADAPTOR: recipe.adaptor_motions},
            task=recipe.task,
            train=fine_tuned if recipe.adaptor_from_gmt else recipe.adaptor,
            needs=(GMT,) if recipe.adaptor_from_gmt else first,
        ),
        PolicyStage(
            name=RESIDUAL,
            about="the generalist, corrected where the interface needs it",
            groups=both,
            task=_both_groups(recipe),
            train=replace(
                recipe.residual,
                residual=replace(recipe.residual.residual, base=gmt),
                imitation=replace(
                    recipe.residual.imitation,
                    # With the student's eyes, the generalist's own answer needs no correction.
                    teachers=tuple(
                        TeacherCfg(path=path, group=group, sees="student")
                        for group, path in ((GMT, gmt), (ADAPTOR, adaptor))
                    ),
                ),
            ),
            needs=(GMT, ADAPTOR),
        ),
    )
    seeded = (replace(s, train=replace(s.train, seed=recipe.seed)) for s in policies)
    return {
        stage.name: replace(stage, motion_folder=recipe.motion_folder)
        for stage in (*estimator, *seeded)
    }


def _both_groups(recipe: MosaicRecipe) -> TrackingTask:
    shares = {GMT: recipe.gmt_share, ADAPTOR: 1.0 - recipe.gmt_share}
    return replace(
        recipe.task,
        interface_groups=(ADAPTOR,),
        sampler=replace(recipe.task.sampler, group_ratios=shares),
    )


def _with_estimator(
    recipe: MosaicRecipe, folder: Path
) -> tuple[MosaicRecipe, tuple[EstimatorStage, ...]]:
    """The recipe whose networks use FOLDER/estimator, and the stage that makes it, if they do."""
    network = recipe.gmt.network
    if network.kind != "velocity_skip" or network.estimator is not None:
        return recipe, ()
    task = replace(recipe.task, reference_gravity=True)
    told = replace(network, estimator=str(folder / ESTIMATOR))
    stage = EstimatorStage(
        name=ESTIMATOR,
        about="how fast the reference moves, from its joints and its tilt",
        trained_with=GMT,
        groups={GMT: recipe.gmt_motions},
        task=task,
        settings=replace(recipe.estimator, seed=recipe.seed),
        device=recipe.gmt.device,
    )
    adaptor = replace(recipe.adaptor, network=network if recipe.adaptor_from_gmt else told)
    recipe = replace(recipe, task=task, gmt=replace(recipe.gmt, network=told), adaptor=adaptor)
    return recipe, (stage,)


def mosaic_exam(recipe: MosaicRecipe) -> Exam:
    """Both groups of motions, the interface on the adaptor's alone."""
    recipe, _ = _with_estimator(recipe, Path())
    return Exam(
        task=replace(recipe.task, interface_groups=(ADAPTOR,)),
        groups={GMT: recipe.gmt_motions, ADAPTOR: recipe.adaptor_motions},
        protocol=recipe.exam,
        motion_folder=recipe.motion_folder,
        engine=recipe.residual.engine,
        device=recipe.residual.device,
    )


def laptop_recipe() -> MosaicRecipe:
    """The whole ladder on two CPU cores within an hour, on built-in motions.

    The interface is simulated on five motions on the spot: joints with a constant calibration
    error, noise, lost packets, smoothing and a short delay.
    """
    task = TrackingTask(residual_action=True, randomisation=False, interface=_LAPTOP_INTERFACE)
    task.curriculum.enabled = True
    settings = cpu_preset()
    distil = replace(settings.ppo, learning_rate=1e-3, schedule="fixed", epochs=5)
    return MosaicRecipe(
        gmt_motions=_builtin(*_ON_THE_SPOT, *_WITH_STEPS),
        adaptor_motions=_builtin(*_ON_THE_SPOT),
        task=task,
        gmt=replace(settings, iterations=900),
        adaptor=replace(settings, iterations=250),
        residual=replace(
            settings,
            iterations=200,
            ppo=distil,
            residual=ResidualCfg(hidden=(256, 128)),
            imitation=ImitationCfg(mode="distil"),
        ),
    )


def _builtin(*names: str) -> str:
    return ",".join(f"builtin:{name}" for name in names)


def full_recipe() -> MosaicRecipe:
    """MOSAIC's own scale, with its numbers of updates (its authors used eight GPUs).

    Name the motions: those of the generalist, and those recorded through the interface.
    """
    return MosaicRecipe(
        gmt_motions="motions/gmt",
        adaptor_motions="motions/interface",
        task=mosaic_task(),
        gmt=replace(mosaic_train(), iterations=24_000),
        adaptor=replace(mosaic_train(), iterations=20_000),
        residual=replace(mosaic_train("multi-teacher-residual"), iterations=1_000),
    )


_ON_THE_SPOT = ("stand", "squat", "bow", "wave", "weight_shift")
_WITH_STEPS = ("march", "kick", "hop", "side_step", "turn", "walk")
_LAPTOP_INTERFACE = InterfaceCfg(
    delay_s=(0.06, 0.06),
    dropout=0.05,
    dropout_s=0.06,
    joint_bias_rad=0.1,
    joint_noise_rad=0.02,
    orientation_noise_rad=0.02,
    smoothing=0.5,
)
