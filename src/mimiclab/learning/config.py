"""What a training run can be told: settings of the learner, budget, checkpoints and logs."""

from dataclasses import dataclass, field
from typing import Literal

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.learning.algorithms.cfg import ImitationCfg, WarmStartCfg
from mimiclab.learning.fastsac.cfg import SacCfg, cpu_tracking_sac, tracking_sac
from mimiclab.learning.networks.cfg import NetworkCfg, ResidualCfg
from mimiclab.learning.shard_cfg import ShardCfg

Activation = Literal[
    "elu", "selu", "relu", "lrelu", "tanh", "sigmoid", "softplus", "gelu", "swish", "mish",
    "identity",
]  # fmt: skip


@dataclass(kw_only=True)
class PpoCfg:
    """Proximal policy optimisation. The defaults are BeyondMimic's (supplement, table of PPO)."""

    hidden: tuple[int, ...] = (512, 256, 128)
    """Widths of the hidden layers of the actor and of the critic (two separate networks)."""
    activation: Activation = "elu"
    """Activation function, by its name in rsl_rl."""
    init_std: float = 1.0
    """Standard deviation of the exploration noise at the start, in units of the action."""
    min_std: float = 1e-6
    """The learnt standard deviation is kept above this."""
    steps_per_env: int = 24
    """Control steps that each environment takes between two updates."""
    epochs: int = 5
    """Passes over the collected steps in one update."""
    mini_batches: int = 4
    """Gradient steps in one pass."""
    learning_rate: float = 1e-3
    """Learning rate of Adam; only the first one when `schedule` is adaptive."""
    schedule: Literal["adaptive", "fixed"] = "adaptive"
    """Adaptive: times or divided by 1.5 to hold `desired_kl`, within 1e-5 .. 1e-2."""
    desired_kl: float = 0.01
    """Target KL divergence between the policy before and after a gradient step, nats."""
    critic_learning_rate: float | None = None
    """Fixed learning rate of the critic; none lets it follow the actor's. With little exploration
    noise, the KL target forces the actor to rates at which a critic hardly learns."""
    output_gain: float = 1.0
    """Factor on the actor's initial output weights; near 0, training starts from the mean action 0,
    which with residual actions is the reference itself."""
    clip: float = 0.2
    """Clipping range of the probability ratio, and of the value when `clip_value`."""
    clip_value: bool = True
    """Clip the change of the value too."""
    entropy: float = 0.005
    """Weight of the entropy bonus."""
    value_weight: float = 1.0
    """Weight of the value loss."""
    discount: float = 0.99
    """Discount factor for one control step."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""
    max_grad_norm: float = 1.0
    """The gradient of each network is scaled down to this norm."""
    normalise: bool = True
    """Standardise observations by their running mean and standard deviation."""
    normalise_until: int = 100_000_000
    """Samples after which the running statistics are frozen."""
    mirror_samples: bool = False
    """Learn from the mirror image of every sample too."""
    mirror_loss: float = 0.0
    """Weight of the squared difference between the answer to a mirrored observation and the
    mirrored answer to the observation."""

    def check(self, num_envs: int) -> None:
        """Refuse what cannot work with so many environments.

        Raises:
            MimiclabError: as said.
        """
        if not self.hidden or min(self.hidden) < 1:
            raise MimiclabError(f"--ppo.hidden is {self.hidden}, expected at least one width")
        for name in ("steps_per_env", "epochs", "mini_batches"):
            if getattr(self, name) < 1:
                raise MimiclabError(
                    f"--ppo.{name.replace('_', '-')} is {getattr(self, name)}, expected 1 or more"
                )
        for name in ("learning_rate", "critic_learning_rate", "init_std"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise MimiclabError(
                    f"--ppo.{name.replace('_', '-')} is {value}, expected more than 0"
                )
        samples = num_envs * self.steps_per_env
        if samples < 2 * self.mini_batches:
            raise MimiclabError(
                f"{num_envs} environments x {self.steps_per_env} steps are {samples} samples, too "
                f"few for {self.mini_batches} mini-batches of two or more; give more environments "
                "or fewer --ppo.mini-batches"
            )


@dataclass(kw_only=True)
class TrainCfg:
    """One training run, apart from the task and the motions."""

    num_envs: int = 4096
    """Environments stepped together, in each process."""
    iterations: int = 30_000
    """Updates in the whole life of the run; a resumed run continues up to this number."""
    minutes: float | None = None
    """Wall-clock training time in the whole life of the run; the first limit reached ends it."""
    seed: int = 42
    """Seeds Python, NumPy, torch and the environments; process r of a group uses seed + r."""
    engine: Literal["auto", "native", "warp"] = "auto"
    """Physics engine: native MuJoCo on CPU cores, or MuJoCo Warp; auto follows the device."""
    device: str | None = None
    """Torch device, for example cpu or cuda:0; none takes a GPU if there is one."""
    algorithm: Literal["ppo", "fastsac"] = "ppo"
    """How to learn: from each rollout once (PPO), or from a memory of many (FastSAC)."""
    ppo: PpoCfg = field(default_factory=PpoCfg)
    """Settings of PPO."""
    sac: SacCfg = field(default_factory=SacCfg)
    """Settings of FastSAC."""
    network: NetworkCfg = field(default_factory=NetworkCfg)
    """The actor's network."""
    residual: ResidualCfg = field(default_factory=ResidualCfg)
    """A correction of a frozen policy instead of a network of its own."""
    imitation: ImitationCfg = field(default_factory=ImitationCfg)
    """Teachers and recordings to learn from."""
    warm_start: WarmStartCfg = field(default_factory=WarmStartCfg)
    """An earlier run to begin from."""
    random_episode_start: bool = True
    """Begin training with random ages of the episodes, so that their time-outs spread."""
    shard: ShardCfg = field(default_factory=ShardCfg)
    """Which clips each process of a group gets."""
    save_interval: int = 500
    """Iterations between numbered checkpoints."""
    save_seconds: float = 60.0
    """`last.pt` is refreshed at least this often, so that a killed run loses little."""
    keep_last: int = 3
    """Number of the newest numbered checkpoints to keep; 0 keeps all."""
    best_metric: str = "mean_episode_length"
    """The log entry by which `best.pt` is chosen (dotted, for example metrics.mpjpe_root_mm);
    error, mpjpe, failure or loss in the name means that smaller is better. Under a curriculum,
    more difficulty comes first."""
    logger: Literal["tensorboard", "wandb", "none"] = "tensorboard"
    """Where curves go, besides metrics.jsonl which is always written. wandb needs the extra
    `mimiclab[wandb]` and works offline with WANDB_MODE=offline."""
    wandb_project: str = "mimiclab"
    """Project name for wandb."""
    progress: Literal["auto", "live", "lines", "none"] = "auto"
    """Live table, plain lines or nothing; auto takes the table when the output is a terminal."""

    def check(self) -> None:
        """Refuse what cannot work, when all settings are known.

        Raises:
            MimiclabError: values out of range, or settings that contradict each other.
        """
        if self.num_envs < 1:
            raise MimiclabError(f"--num-envs is {self.num_envs}, expected 1 or more")
        self.residual.check()
        self.imitation.check()
        self.warm_start.check(self.imitation)
        if self.algorithm == "ppo":
            self.ppo.check(self.num_envs)
            self._check_symmetry()
        else:
            self.sac.check()
            self._check_fastsac()

    def _check_symmetry(self) -> None:
        """Refuse what has no mirror image: what a teacher says, what a network remembers."""
        if not (self.ppo.mirror_samples or self.ppo.mirror_loss):
            return
        wanted = {
            f"--network.kind {self.network.kind}": self.network.kind != "mlp",
            "--residual.base": self.residual.base is not None or bool(self.residual.base_network),
            f"--imitation.mode {self.imitation.mode}": self.imitation.mode != "none",
        }
        if bad := [option for option, given in wanted.items() if given]:
            raise MimiclabError(
                f"--ppo.mirror-samples and --ppo.mirror-loss do not go with {', '.join(bad)}; "
                "leave one or the other out"
            )

    def _check_fastsac(self) -> None:
        """Refuse what only PPO can do."""
        wanted = {
            f"--network.kind {self.network.kind}": self.network.kind != "mlp",
            "--residual.base": self.residual.base is not None or bool(self.residual.base_network),
            f"--imitation.mode {self.imitation.mode}": self.imitation.mode != "none",
            "--warm-start.std": self.warm_start.std is not None,
            "--warm-start.critic-warm-up": self.warm_start.critic_warm_up > 0,
            "--warm-start.freeze-normaliser": self.warm_start.freeze_normaliser,
        }
        if bad := [option for option, given in wanted.items() if given]:
            raise MimiclabError(
                f"FastSAC learns an MLP from rewards alone and cannot take {', '.join(bad)}; leave "
                "that out, or set --algorithm ppo"
            )


def cpu_ppo() -> PpoCfg:
    """PPO for a small machine: a small network and many gradient steps on few samples.

    Little noise, a start from the mean action and a critic with its own rate go together with
    residual actions; docs/training.md has the measurements.
    """
    return PpoCfg(
        hidden=(256, 128, 64),
        init_std=0.2,
        output_gain=0.01,
        entropy=0.0,
        epochs=10,
        mini_batches=10,
        desired_kl=0.02,
        discount=0.97,
        critic_learning_rate=1e-3,
    )


def gpu_preset() -> TrainCfg:
    """BeyondMimic's settings: 4,096 environments, 30,000 iterations."""
    return TrainCfg(sac=tracking_sac())


def cpu_preset() -> TrainCfg:
    """Settings with which a few cores learn one clip in minutes to an hour."""
    return TrainCfg(
        num_envs=128, iterations=5_000, ppo=cpu_ppo(), sac=cpu_tracking_sac(), save_interval=100
    )


PRESETS = {"gpu": gpu_preset, "cpu": cpu_preset}


def train_preset(name: str) -> TrainCfg:
    """The settings called `name`.

    Raises:
        UnknownNameError: no such preset.
    """
    if name not in PRESETS:
        raise UnknownNameError("training preset", name, PRESETS)
    return PRESETS[name]()
