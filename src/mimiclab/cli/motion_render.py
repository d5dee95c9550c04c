"""`mimiclab motion render` and `mimiclab motion play`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.cli.motion_options import DEFAULTS, HUMAN_DEFAULTS, Humans, Sources
from mimiclab.cli.play import play

if TYPE_CHECKING:
    import numpy as np

    from mimiclab.cli.motion_options import HumanOptions, SourceOptions
    from mimiclab.motions.clip import MotionClip
    from mimiclab.motions.human.clip import HumanClip
    from mimiclab.robots import Robot
    from mimiclab.viewing.video import Look

    Clip = MotionClip | HumanClip

_Motion = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MOTION")]


def render(
    motion: _Motion,
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    reference: str | None = None,
    placement: Literal["beside", "over"] = "beside",
    sheet: bool = False,
    source: Sources = DEFAULTS,
    human: Humans = HUMAN_DEFAULTS,
    start: float = 0.0,
    seconds: float | None = None,
    size: tuple[int, int] = (640, 480),
    video_fps: float = 25.0,
    columns: int = 4,
    rows: int = 2,
    times: tuple[float, ...] = (),
    azimuth: float | None = None,
    captions: bool = True,
    renderer: Literal["auto", "software", "opengl"] = "auto",
) -> int:
    """Make a video (OUT.mp4), a picture (OUT.png) or a page (OUT.html) of a motion.

    Needs no graphics driver. A picture is a contact sheet of moments spread over the motion, or
    of `--times`; of several motions, one moment of each, or with `--sheet` a line of moments of
    each. A page holds the video, foot heights and the findings of `motion check`. With a folder as
    OUT, each of several motions gets a video; with `--sheet` they all play in one. People are drawn
    as figures of capsules.

    Args:
        motion: File, folder, glob, builtin:NAME, motion set, several with commas; or a file or
            folder with motions of people.
        out: File ending in .mp4, .png or .html; or a folder.
        reference: Second motion, shown translucent, with the distance between the two; or a
            person's, shown beside the robot.
        placement: Reference beside the robot, or over it.
        sheet: Many motions in one picture or video.
        source: How the files are found and read.
        human: How files with motions of people are read.
        start: Leave out this many seconds at the beginning.
        seconds: Show at most this many seconds.
        size: Width and height of a frame in pixels, even numbers.
        video_fps: Frames per second of the video.
        columns: Moments, or motions, side by side in a picture or video.
        rows: Lines of moments in a picture.
        times: Moments of a picture, s after the start.
        azimuth: Camera heading in degrees, 0 looks along +x; by default from the front left.
        captions: Name, clock and error over the picture.
        renderer: OpenGL where a GPU drives it (auto), always our own (software), or OpenGL.
    """
    from mimiclab.errors import MimiclabError

    clips = _clips(motion, source, human)
    others = _clips(reference, source, human) if reference else []
    single = out.suffix in (".mp4", ".png", ".html")
    if out.suffix and not single:
        raise MimiclabError(f"cannot write {out}: expected .mp4, .png, .html or a folder")
    if sheet and out.suffix not in (".mp4", ".png"):
        raise MimiclabError(f"--sheet makes one .png or .mp4, but the output is {out}")
    if single and len(clips) > 1 and out.suffix != ".png" and not sheet:
        raise MimiclabError(
            f"{motion} names {len(clips)} motions but {out} is one file; give a folder, or add "
            "--sheet for one video of all"
        )
    if others and (len(others) > 1 or len(clips) > 1):
        raise MimiclabError("--reference compares one motion with one; name a single file in each")

    from rich.console import Console

    from mimiclab.viewing.video import Look

    if single and (len(clips) > 1 or sheet):
        look = Look(size=size, renderer=renderer, azimuth_deg=azimuth, captions=captions)
        parts = [_part(clip, start, seconds) for clip in clips]
        _many(out, parts, look, columns, sheet, video_fps)
        Console().print(f"wrote {out}", highlight=False)
        return 0
    for clip in clips:
        look = Look(
            size=size,
            placement=placement,
            renderer=renderer,
            azimuth_deg=azimuth,
            title=clip.name,
            labels=(clip.name, others[0].name if others else ""),
            captions=captions,
        )
        path = out if single else out / f"{clip.name.replace('/', '_')}.mp4"
        shown = _part(clip, start, seconds)
        other = _part(others[0], start, seconds) if others else None
        if path.suffix == ".png":
            _picture(path, shown, other, look, columns, rows, times)
        elif path.suffix == ".html":
            _page(path, shown, other, look, video_fps)
        else:
            _video(path, shown, other, look, video_fps)
        Console().print(f"wrote {path}", highlight=False)
    return 0


def play_motion(
    motion: _Motion,
    /,
    *,
    robot: str = "unitree_g1",
    fps: float | None = None,
    root_quat_order: Literal["wxyz", "xyzw"] | None = None,
    motion_folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    paused: bool = False,
) -> int:
    """Play motions in the browser as they are, without physics. Ctrl-C ends.

    Args:
        motion: File, folder, glob, builtin:NAME, motion set; several with commas.
        robot: Robot of files that do not name one.
        fps: Frame rate of files that do not state one.
        root_quat_order: Order of the root quaternion in CSV files.
        motion_folder: Where the files of published motion sets are.
        host: Address to serve on; 0.0.0.0 shows the page to other computers too.
        port: Port to serve on.
        paused: Wait for the play button.
    """
    return play(
        motion,
        robot=robot,
        fps=fps,
        root_quat_order=root_quat_order,
        motion_folder=motion_folder,
        host=host,
        port=port,
        paused=paused,
    )


def _clips(motion: str, source: "SourceOptions", human: "HumanOptions") -> "list[Clip]":
    """Motions of robots, or of people where the file or folder holds nothing else."""
    from mimiclab.cli.motion_human import is_human
    from mimiclab.motions.human.formats import find_human_files
    from mimiclab.motions.sets.folder_index import motion_files

    path = Path(motion)
    if is_human(motion, source.robot):
        return [human.read(path, source.fps)]
    if path.is_dir() and next(motion_files(path), None) is None:
        return [human.read(file, source.fps) for file in find_human_files([path])]
    return [*source.load(motion)]


def _part(clip: "Clip", start: float, seconds: float | None) -> "Clip":
    from mimiclab.errors import MimiclabError

    first = round(start * clip.fps)
    last = clip.num_frames if seconds is None else first + round(seconds * clip.fps) + 1
    if not 0 <= first < clip.num_frames or last <= first:
        raise MimiclabError(
            f"motion {clip.name!r} lasts {clip.duration_s:.2f} s: there is nothing "
            f"from {start} s on for {seconds} s; choose an earlier --start"
        )
    return clip.cut(first, min(last, clip.num_frames))


def _video(path: Path, clip: "Clip", other: "Clip | None", look: "Look", video_fps: float) -> None:
    from rich.progress import Progress

    from mimiclab.viewing.video import render_trajectory

    robot, qpos, reference = _tracks(clip, other)
    with Progress(transient=True) as progress:
        task = progress.add_task(f"drawing {clip.name}", total=None)
        render_trajectory(
            robot,
            qpos,
            path,
            fps=clip.fps,
            reference_qpos=reference,
            video_fps=video_fps,
            look=look,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _page(path: Path, clip: "Clip", other: "Clip | None", look: "Look", video_fps: float) -> None:
    import tempfile

    from mimiclab.errors import MimiclabError
    from mimiclab.motions.human.clip import HumanClip
    from mimiclab.viewing.report import write_motion_html

    if isinstance(clip, HumanClip):
        raise MimiclabError(
            f"a page is about a robot's motion, but {clip.name} is a person's; write .mp4 or .png, "
            "or retarget it first"
        )
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "motion.mp4"
        _video(video, clip, other, look, video_fps)
        write_motion_html(clip, path, video)


def _many(
    path: Path, clips: "list[Clip]", look: "Look", columns: int, sheet: bool, video_fps: float
) -> None:
    from rich.progress import Progress

    from mimiclab.viewing.gallery import render_gallery, render_sheet, render_wall

    with Progress(transient=True) as progress:
        task = progress.add_task("drawing", total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if path.suffix == ".mp4":
            render_wall(clips, path, columns=columns, video_fps=video_fps, look=look, progress=tell)
        elif sheet:
            render_sheet(clips, path, moments=columns, look=look, progress=tell)
        else:
            render_gallery(clips, path, columns=columns, look=look, progress=tell)


def _picture(
    path: Path,
    clip: "Clip",
    other: "Clip | None",
    look: "Look",
    columns: int,
    rows: int,
    times: tuple[float, ...],
) -> None:
    from mimiclab.viewing.video import render_picture

    robot, qpos, reference = _tracks(clip, other)
    render_picture(
        robot,
        qpos,
        path,
        fps=clip.fps,
        reference_qpos=reference,
        times_s=list(times) or None,
        columns=columns,
        rows=rows,
        look=look,
    )


def _tracks(clip: "Clip", other: "Clip | None") -> "tuple[Robot, np.ndarray, np.ndarray | None]":
    """The model to draw, its poses, and those of a translucent reference at the same rate."""
    from mimiclab.errors import MimiclabError
    from mimiclab.motions.human.clip import HumanClip
    from mimiclab.viewing.doll import Doll, beside
    from mimiclab.viewing.track import Track

    track = Track.of(clip)
    if other is None:
        return track.robot, track.qpos, None
    second = Track.of(other)
    if isinstance(clip, HumanClip) or (
        not isinstance(other, HumanClip) and other.robot != clip.robot
    ):
        raise MimiclabError(
            f"cannot show {other.name} as the reference of {clip.name}: expected two motions of "
            "one robot, or a robot's motion with a person's as its reference"
        )
    poses = second.at_rate(track.fps)
    if isinstance(other, HumanClip):
        both = beside(track.robot, track.qpos, Doll(second.robot, poses))
        return both.robot, both.qpos, None
    return track.robot, track.qpos, poses
