"""Reports as one HTML file each, with no outside resources: a run's, and an evaluation's."""

import base64
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab import __version__
from mimiclab.errors import MimiclabError
from mimiclab.files import write_text
from mimiclab.maths.metrics import METRICS
from mimiclab.motions.clip import MotionClip
from mimiclab.viewing import plots
from mimiclab.viewing.evaluation_parts import (
    Evaluation,
    evaluation_parts,
    evaluation_tiles,
    unit_of,
    words,
)
from mimiclab.viewing.sampler_heat import Heat, sampler_heat

LARGEST_VIDEO = 8_000_000
"""Videos above this many bytes are linked, not embedded."""


def write_run_report(
    run: str | Path,
    path: str | Path | None = None,
    *,
    evaluations: Mapping[str, Evaluation] | None = None,
    video: str | Path | None = None,
    heat: Heat | None = None,
    title: str | None = None,
) -> Path:
    """Write `report.html` of a run folder.

    Args:
        run: Folder with config.json and metrics.jsonl; what is absent is left out of the page.
        path: File to write; RUN/report.html by default.
        evaluations: Name of a policy to its evaluation, in the order of the table's columns; by
            default RUN/evaluation.json as `trained` and every RUN/evaluation_NAME.json.
        video: By default RUN/video.mp4, if it is there.
        heat: The sampler's start probabilities; by default those of the last checkpoint.
        title: By default the folder's name.

    Raises:
        MimiclabError: `run` is not a folder with a config.json or metrics.jsonl.
        CheckpointError: its last checkpoint is damaged.
        OutputError: the page cannot be written.
    """
    run = Path(run)
    if not (run / "config.json").is_file() and not (run / "metrics.jsonl").is_file():
        raise MimiclabError(
            f"{run} is not a run folder: it has neither config.json nor metrics.jsonl; "
            "`mimiclab train` makes one under runs/"
        )
    path = Path(path) if path else run / "report.html"
    found = evaluations if evaluations is not None else find_evaluations(run)
    config = _read(run / "config.json")
    lines = _lines(run / "metrics.jsonl")
    video = Path(video) if video else run / "video.mp4"
    page = render_page(
        title=title or run.resolve().name,
        kicker="training run",
        tiles=_run_tiles(lines, found),
        video=_video(video, path) if video.is_file() else None,
        curves=learning_curves(lines),
        heat=_heat_plot(sampler_heat(run) if heat is None else heat),
        config=config,
        **evaluation_parts(found),
    )
    write_text(path, page)
    return path


def write_evaluation_html(
    evaluations: Mapping[str, Evaluation], path: str | Path, *, title: str = "Evaluation"
) -> Path:
    """Write the page of one or several evaluations, keyed by policy name.

    Raises:
        OutputError: the page cannot be written.
    """
    first = next(iter(evaluations.values()))
    tiles = evaluation_tiles(first)
    parts = evaluation_parts(evaluations)
    page = render_page(title=title, kicker="evaluation", tiles=tiles, **parts)
    write_text(path, page)
    return Path(path)


def find_evaluations(run: Path) -> dict[str, Evaluation]:
    """RUN/evaluation_NAME.json by NAME, untrained first, and evaluation.json as `trained`."""
    found = {file.stem.split("_", 1)[-1]: _read(file) for file in run.glob("evaluation_*.json")}
    if (run / "evaluation.json").is_file():
        found["trained"] = _read(run / "evaluation.json")
    order = ("untrained", "trained")
    return {
        name: found[name]
        for name in sorted(found, key=lambda n: (order.index(n) if n in order else 9, n))
    }


def write_motion_html(clip: MotionClip, path: str | Path, video: str | Path) -> Path:
    """Write the page of a motion: its video, foot heights, joint speeds and the check's findings.

    Raises:
        OutputError: the page cannot be written.
    """
    from mimiclab.motions.check import check_clip
    from mimiclab.motions.ground import foot_points, lowest_height
    from mimiclab.motions.kinematics import body_motion
    from mimiclab.robots import get_robot

    robot = get_robot(clip.robot)
    motion, checked = body_motion(clip), check_clip(clip).to_json()
    times = np.arange(clip.num_frames) / clip.fps
    heights = np.stack([lowest_height(motion, feet) for feet in foot_points(robot)], axis=1)
    speed = np.abs(motion.joint_vel).max(axis=0)
    names = [name.removesuffix("_joint") for name in motion.joint_names]
    busiest = np.argsort(-speed)[:12]
    page = render_page(
        title=clip.name,
        kicker=f"motion · {clip.robot}",
        tiles=[
            (f"{clip.duration_s:.2f} s", "duration"),
            (f"{clip.fps:g} fps", f"{clip.num_frames} frames"),
            (f"{np.ptp(clip.root_pos[:, :2], axis=0).max():.2f} m", "widest extent"),
        ],
        video=_video(Path(video), Path(path)),
        findings=checked["findings"],
        curves=[
            plots.foot_heights(times, heights, robot.feet, 0.01),
            plots.bars(
                {"speed": {names[i]: float(speed[i]) for i in busiest}}, "Fastest joints", "rad/s"
            ),
        ],
        config={key: value for key, value in checked.items() if key != "findings"},
    )
    write_text(path, page)
    return Path(path)


def learning_curves(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The training plots of a metrics.jsonl, those without data left out."""

    def section(name: str, *, most: int = 6) -> list[str]:
        keys = list(dict.fromkeys(key for line in lines for key in line.get(name) or ()))
        return [f"{name}/{key}" for key in keys][:most]

    metrics = section("metrics", most=99)
    errors = [name for name in metrics if name.split("/")[-1] in METRICS]
    errors += [name for name in metrics if "error" in name and name not in errors]
    wanted = [
        plots.curve(lines, ["mean_episode_length"], "Episode length", unit="control steps"),
        plots.curve(lines, ["mean_reward"], "Reward of an episode"),
        *[
            plots.curve(lines, [name], words(name.split("/")[-1]), unit=unit_of(name))
            for name in errors[:6]
        ],
        plots.curve(lines, section("rewards"), "Reward terms"),
        plots.curve(lines, section("terminations"), "Why episodes ended"),
        plots.curve(lines, section("losses"), "Losses"),
        plots.curve(lines, ["sampler/entropy", "sampler/top1_prob"], "Sampler"),
        plots.curve(lines, section("curriculum"), "Curriculum"),
        plots.curve(lines, ["action_std"], "Exploration noise (standard deviation)"),
        plots.curve(lines, ["steps_per_s"], "Speed", unit="env steps / s"),
    ]
    return [svg for svg in wanted if svg]


def _run_tiles(lines: Sequence[Mapping[str, Any]], found: Mapping[str, Evaluation]) -> list:
    tiles = []
    trained = found.get("trained") or next(iter(found.values()), None)
    if trained:
        tiles += evaluation_tiles(trained)
    if lines:
        last = lines[-1]
        tiles += [
            (f"{last.get('env_steps', 0) / 1e6:.2f} M", "environment steps"),
            (_duration(last.get("time_s") or 0), "training time"),
        ]
    return tiles


def _heat_plot(heat: Heat | None) -> str:
    if heat is None or np.size(heat.values) < 2:
        return ""
    title = "Where training episodes start"
    return plots.heat_map(heat.values, heat.clips, heat.bin_s, title, "probability")


def _video(video: Path, page: Path) -> str:
    if video.stat().st_size <= LARGEST_VIDEO:
        return "data:video/mp4;base64," + base64.b64encode(video.read_bytes()).decode()
    try:
        return video.resolve().relative_to(page.resolve().parent).as_posix()
    except ValueError:
        return video.resolve().as_uri()


def render_page(**parts: Any) -> str:
    """The report's template filled with parts; those left out are left out of the page."""
    from jinja2 import Environment

    template = resources.files("mimiclab").joinpath("assets/report/page.html.jinja").read_text()
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    return environment.from_string(template).render(version=__version__, **parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise MimiclabError(f"{path} is not JSON ({error}); write it again or remove it") from error


def _lines(path: Path) -> list[dict[str, Any]]:
    from mimiclab.learning.logs import read_metrics

    return read_metrics(path) if path.is_file() else []
