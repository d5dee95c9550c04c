"""`mimiclab motion render` and `mimiclab motion play`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from mimiclab.cli.motion_options import DEFAULTS, Sources
from mimiclab.cli.play import play

if TYPE_CHECKING:
    from mimiclab.motions.clip import MotionClip
    from mimiclab.viewing.video import Look

_Motion = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MOTION")]


def render(
    motion: _Motion,
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    reference: str | None = None,
    placement: Literal["beside", "over"] = "beside",
    source: Sources = DEFAULTS,
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
    of `--times`; of several motions, one moment of each. A page holds the video, foot heights and
    the findings of `motion check`. With a folder as OUT, each of several motions gets a video.

    Args:
        motion: File, folder, glob, builtin:NAME, motion set; several with commas.
        out: File ending in .mp4, .png or .html; or a folder.
        reference: Second motion, shown translucent, with the distance between the two.
        placement: Reference beside the robot, or over it.
        source: How the files are found and read.
        start: Leave out this many seconds at the beginning.
        seconds: Show at most this many seconds.
        size: Width and height of a frame in pixels, even numbers.
        video_fps: Frames per second of the video.
        columns: Moments side by side in a picture.
        rows: Lines of moments in a picture.
        times: Moments of a picture, s after the start.
        azimuth: Camera heading in degrees, 0 looks along +x; by default from the front left.
        captions: Name, clock and error over the picture.
        renderer: OpenGL where a GPU drives it (auto), always our own (software), or OpenGL.
    """
    from mimiclab.errors import MimiclabError

    clips = source.load(motion)
    others = source.load(reference) if reference else []
    single = out.suffix in (".mp4", ".png", ".html")
    if out.suffix and not single:
        raise MimiclabError(f"cannot write {out}: expected .mp4, .png, .html or a folder")
    if single and len(clips) > 1 and out.suffix != ".png":
        raise MimiclabError(
            f"{motion} names {len(clips)} motions but {out} is one file; give a folder"
        )
    if others and (len(others) > 1 or len(clips) > 1):
        raise MimiclabError("--reference compares one motion with one; name a single file in each")

    from rich.console import Console

    from mimiclab.viewing.video import Look

    if single and len(clips) > 1:
        _gallery(out, clips, Look(size=size, renderer=renderer, azimuth_deg=azimuth), columns)
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


def _part(clip: "MotionClip", start: float, seconds: float | None) -> "MotionClip":
    from mimiclab.errors import MimiclabError

    first = round(start * clip.fps)
    last = clip.num_frames if seconds is None else first + round(seconds * clip.fps) + 1
    if not 0 <= first < clip.num_frames or last <= first:
        raise MimiclabError(
            f"motion {clip.name!r} lasts {clip.duration_s:.2f} s: there is nothing "
            f"from {start} s on for {seconds} s; choose an earlier --start"
        )
    return clip.cut(first, min(last, clip.num_frames))


def _video(
    path: Path, clip: "MotionClip", other: "MotionClip | None", look: "Look", video_fps: float
) -> None:
    from rich.progress import Progress

    from mimiclab.robots import get_robot
    from mimiclab.viewing.video import render_trajectory

    qpos, reference = _tracks(clip, other)
    with Progress(transient=True) as progress:
        task = progress.add_task(f"drawing {clip.name}", total=None)
        render_trajectory(
            get_robot(clip.robot),
            qpos,
            path,
            fps=clip.fps,
            reference_qpos=reference,
            video_fps=video_fps,
            look=look,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _page(
    path: Path, clip: "MotionClip", other: "MotionClip | None", look: "Look", video_fps: float
) -> None:
    import tempfile

    from mimiclab.viewing.report import write_motion_html

    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "motion.mp4"
        _video(video, clip, other, look, video_fps)
        write_motion_html(clip, path, video)


def _gallery(path: Path, clips: "list[MotionClip]", look: "Look", columns: int) -> None:
    from rich.progress import Progress

    from mimiclab.viewing.gallery import render_gallery

    with Progress(transient=True) as progress:
        task = progress.add_task("drawing", total=len(clips))
        render_gallery(
            clips,
            path,
            columns=columns,
            look=look,
            progress=lambda done, _: progress.update(task, completed=done),
        )


def _picture(
    path: Path,
    clip: "MotionClip",
    other: "MotionClip | None",
    look: "Look",
    columns: int,
    rows: int,
    times: tuple[float, ...],
) -> None:
    from mimiclab.robots import get_robot
    from mimiclab.viewing.video import render_picture

    qpos, reference = _tracks(clip, other)
    render_picture(
        get_robot(clip.robot),
        qpos,
        path,
        fps=clip.fps,
        reference_qpos=reference,
        times_s=list(times) or None,
        columns=columns,
        rows=rows,
        look=look,
    )


def _tracks(clip: "MotionClip", other: "MotionClip | None") -> tuple:
    """Generalised coordinates of both, the second at the frame rate of the first."""
    from mimiclab.motions.kinematics import resample
    from mimiclab.viewing.player.shows import clip_qpos

    return clip_qpos(clip), clip_qpos(resample(other, clip.fps)) if other else None
