"""Lists our tasks in mjlab's own `train`, `play` and `list-envs`.

mjlab imports this module on every `import mjlab` (entry point group `mjlab.tasks`), and its
registry wants finished configurations, for which most of mjlab and torch must be imported: seconds
that a program which never opens the registry should not pay. So the tasks are registered when
`mjlab.tasks.registry` is imported, which every user of the registry does.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_REGISTRY = "mjlab.tasks.registry"
TASK_IDS = (
    "Mimiclab-Tracking-Flat-Unitree-G1",
    "Mimiclab-Tracking-Flat-Unitree-G1-No-State-Estimation",
    "Mimiclab-Tracking-Flat-Unitree-G1-Low-Freq",
)
"""Names in mjlab's registry; their motion is the built-in walk."""
VELOCITY_IDS = {
    "Mimiclab-Velocity-Rough-Unitree-G1": "unitree_g1",
    "Mimiclab-Velocity-Rough-Booster-T1": "booster_t1",
    "Mimiclab-Velocity-Rough-Booster-T1-29": "booster_t1_29",
    "Mimiclab-Velocity-Rough-Booster-K1": "booster_k1",
}
"""Names in mjlab's registry of walking on mixed ground, and their robots."""
MOSAIC_PREFIX = "Mimiclab-MOSAIC-"
"""What MOSAIC's task ids begin with in the registry, in place of a `MOSAIC-` of their own."""


def register() -> None:
    """Enter the tasks into mjlab's registry.

    mjlab's own `train` knows PPO alone: for ids whose learner has teachers it trains the student
    without them. Groups of clips, which the built-in walk does not have, are left out.
    """
    from mjlab.rl import RslRlModelCfg, RslRlOnPolicyRunnerCfg, RslRlPpoAlgorithmCfg
    from mjlab.tasks.registry import register_mjlab_task

    from mimiclab.motions.sampler_cfg import SamplerCfg
    from mimiclab.tasks.tracking.env_cfg import tracking_env_cfg
    from mimiclab.tasks.tracking.mosaic import MOSAIC_IDS, mosaic_env_cfg, mosaic_task_of_id
    from mimiclab.tasks.tracking.task import TrackingTask
    from mimiclab.tasks.velocity.env_cfg import velocity_env_cfg
    from mimiclab.tasks.velocity.task import VelocityTask

    def enter(
        task_id: str,
        cfg: Any,
        play_cfg: Any,
        task: TrackingTask | VelocityTask,
        hidden: tuple[int, ...],
        **ppo: Any,
    ) -> None:
        hints = task.ppo_hints()
        network = {"hidden_dims": hidden, "obs_normalization": True}
        noise = {"class_name": "GaussianDistribution", "init_std": 1.0, "std_type": "scalar"}
        learning: dict[str, Any] = {"entropy_coef": 0.005} | ppo
        register_mjlab_task(
            task_id=task_id,
            env_cfg=cfg,
            play_env_cfg=play_cfg,
            rl_cfg=RslRlOnPolicyRunnerCfg(
                actor=RslRlModelCfg(**network, distribution_cfg=noise),
                critic=RslRlModelCfg(**network),
                algorithm=RslRlPpoAlgorithmCfg(
                    gamma=hints["discount"], lam=hints["gae_lambda"], **learning
                ),
                num_steps_per_env=hints["steps_per_env"],
                max_iterations=30_000,
                save_interval=500,
                experiment_name=f"{task.robot.split('_', 1)[-1]}_{task.kind}",
                logger="tensorboard",
            ),
        )

    variants = (
        TrackingTask(),
        TrackingTask(state_estimation=False),
        TrackingTask(control_hz=25),
    )
    for task_id, task in zip(TASK_IDS, variants, strict=True):
        cfg, play = (
            tracking_env_cfg(task, "builtin:walk", num_envs=1, play=play) for play in (False, True)
        )
        enter(task_id, cfg, play, task, (512, 256, 128))
    for name in MOSAIC_IDS:
        task = mosaic_task_of_id(name)
        sampler = SamplerCfg(kind=task.sampler.kind)
        cfg, play = (
            mosaic_env_cfg(name, "builtin:walk", num_envs=1, play=play, sampler=sampler)
            for play in (False, True)
        )
        enter(mosaic_registry_id(name), cfg, play, task, (1024, 1024, 512, 256))
    for task_id, robot in VELOCITY_IDS.items():
        task = VelocityTask(robot=robot)
        cfg, play = (velocity_env_cfg(task, num_envs=1, play=play) for play in (False, True))
        enter(
            task_id,
            cfg,
            play,
            task,
            (512, 256, 128),
            entropy_coef=0.01,
            num_learning_epochs=8,
        )


def mosaic_registry_id(name: str) -> str:
    """The name of one of MOSAIC's task ids in mjlab's registry."""
    return MOSAIC_PREFIX + name.removeprefix("MOSAIC-")


class _AfterRegistry(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds only `mjlab.tasks.registry`, loads it as usual, then registers."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        self._loader = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        # The tasks' own modules may import the registry, so it must be complete by now.
        register()


if _REGISTRY in sys.modules:
    register()
else:
    sys.meta_path.insert(0, _AfterRegistry())
