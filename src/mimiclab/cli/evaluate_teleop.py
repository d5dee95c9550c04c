"""`mimiclab evaluate teleop`: what delay, loss and noise of an interface cost policies."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mimiclab.cli.bars import StepBar
from mimiclab.cli.groups import Groups
from mimiclab.cli.policy_clips import clips_to_score
from mimiclab.evaluation.teleop_cfg import TeleopSuite

_SUITE = TeleopSuite()


def evaluate_teleop(
    policies: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME=]POLICY...")
    ],
    /,
    *,
    motion: str | None = None,
    group: Groups = (),
    motion_folder: Path | None = None,
    robot: str = "unitree_g1",
    residual_action: bool = False,
    seeds: int = 5,
    random_starts: int = 5,
    seed: int = 0,
    initial_noise: float = 0.1,
    rule: Literal["limits", "mosaic"] = "limits",
    suite: Annotated[TeleopSuite, tyro.conf.arg(name="")] = _SUITE,
    num_envs: int | None = None,
    engine: Literal["auto", "native", "warp"] = "auto",
    device: str | None = None,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    html: Path | None = None,
    png: Path | None = None,
) -> int:
    """Score policies behind teleoperation interfaces of growing delay, loss, noise and smoothing.

    Every value of every sweep is an evaluation of its own, with the same clips, starts and seeds.
    Errors are against what the operator does, not against what arrives of it.

    Args:
        policies: Run folders, checkpoints, ONNX files, locations of them, or the word `zero`; a
            name before `=` is what tables call it.
        motion: Clips to score instead of those that came with each policy.
        group: Motion group to score, as NAME=MOTIONS, instead of --motion; may be given several
            times.
        motion_folder: Where the files of published motion sets are.
        robot: Robot of the `zero` policy.
        residual_action: For the `zero` policy: track the joints that arrive by PD control.
        seeds: Episodes of each clip from its first frame, for each value.
        random_starts: Episodes of each clip from random times, for each value.
        seed: First seed.
        initial_noise: Scale of the initial-state noise; 1 is that of training resets.
        rule: What is a failure, as of `mimiclab evaluate`.
        suite: What is swept.
        num_envs: Environments at once; by default as many as episodes, within reason.
        engine: Physics engine.
        device: Torch device.
        json_path: Write all numbers as JSON.
        html: Write a page with a curve for each policy.
        png: Write the curves as a picture.
    """
    from mimiclab.cli.evaluation_table import MOSAIC_COLUMNS
    from mimiclab.cli.sweep_table import print_sweeps
    from mimiclab.evaluation.candidates import open_candidate
    from mimiclab.evaluation.protocol import Protocol
    from mimiclab.evaluation.teleop import run_suite
    from mimiclab.locations import local_path
    from mimiclab.simulation.env import resolve_engine
    from mimiclab.tasks.tracking import TrackingTask

    protocol = Protocol(
        seeds=seeds, random_starts=random_starts, seed=seed, initial_noise=initial_noise, rule=rule
    )
    suite.points()  # refuses wrong values before anything is opened
    _, device = resolve_engine(engine, device)
    task = TrackingTask(robot=robot, residual_action=residual_action)
    candidates = {
        name: open_candidate(local_path(path), task=task, device=device)
        for name, path in policy_names(policies).items()
    }
    libraries = {
        name: clips_to_score(candidate, motion, motion_folder, group)
        for name, candidate in candidates.items()
    }
    with StepBar("evaluating all points") as bar:
        result = run_suite(
            candidates, libraries, suite, protocol,
            num_envs=num_envs, engine=engine, device=device, progress=bar.update,
        )  # fmt: skip
    print_sweeps(result, MOSAIC_COLUMNS)
    if json_path is not None:
        result.save(json_path)
    if html is not None or png is not None:
        from mimiclab.viewing.sweep_looks import TELEOP
        from mimiclab.viewing.sweep_page import write_sweep_html, write_sweep_png

        if html is not None:
            write_sweep_html(result, html, TELEOP, title="Teleoperation")
        if png is not None:
            write_sweep_png(result, png, TELEOP)
    return 0


def policy_names(words: Sequence[str]) -> dict[str, str]:
    """Paths by name: the one before `=`, or the last part of the path where that is enough.

    Raises:
        MimiclabError: no policy, or two of one name.
    """
    from mimiclab.errors import MimiclabError

    pairs = []
    for word in words:
        start, mark, rest = word.partition("://")  # a location's checksum has an `=` of its own
        name, equals, start = start.rpartition("=")
        path = start + mark + rest
        last = Path(path.partition("#")[0] if mark else path).name.removesuffix(".onnx")
        pairs.append((name if equals else last, path))
    count = Counter(name for name, _ in pairs)
    pairs = [(path if count[name] > 1 and "=" not in word else name, path)
             for word, (name, path) in zip(words, pairs, strict=True)]  # fmt: skip
    if not pairs or len(dict(pairs)) < len(pairs):
        raise MimiclabError(
            f"the policies {', '.join(words) or 'none'} must be at least one, and each have a name "
            "of its own; write NAME=POLICY"
        )
    return dict(pairs)
