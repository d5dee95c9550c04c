"""`mimiclab play`: a policy, run or motion in the browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from mimiclab.viewing.player.page import Page
    from mimiclab.viewing.workbench.page import WorkbenchPage


def play(
    what: Annotated[
        str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|CHECKPOINT|POLICY.onnx|MOTION")
    ],
    /,
    *,
    motion: str | None = None,
    checkpoint: str | None = None,
    robot: str = "unitree_g1",
    fps: float | None = None,
    root_quat_order: Literal["wxyz", "xyzw"] | None = None,
    motion_folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    paused: bool = False,
    seconds: float | None = None,
) -> int:
    """Open a page with the robot: play, pause, scrub, speed, clips, pushes, live errors.

    A policy runs in closed loop in plain MuJoCo, from the file that a robot would get; a run or a
    checkpoint is first exported in a temporary folder. A motion is played as it is. Ctrl-C ends.

    Args:
        what: Run folder, checkpoint, policy file, a location of one (https://..., wandb://...), or
            a motion: file, folder, builtin:walk, ...
        motion: Motions that the policy is to follow instead of its own.
        checkpoint: Of a run: `last`, `best`, an iteration, or a path.
        robot: Robot of motion files that do not name one.
        fps: Frame rate of motion files that do not state one.
        root_quat_order: Order of the root quaternion in CSV files.
        motion_folder: Where the files of published motion sets are.
        host: Address to serve on; 0.0.0.0 shows the page to other computers too.
        port: Port to serve on.
        paused: Wait for the play button.
        seconds: End by itself after this many seconds.
    """
    from rich.console import Console

    with Console().status(f"opening {what}"):
        from mimiclab.viewing.player.page import Page
        from mimiclab.viewing.player.player import Player
        from mimiclab.viewing.player.sources import open_show
        from mimiclab.viewing.serving import require_free_port

        require_free_port(host, port)  # before the work of opening
        show = open_show(
            what,
            motion=motion,
            checkpoint=checkpoint,
            robot=robot,
            fps=fps,
            motion_folder=motion_folder,
            root_quat_order=root_quat_order,
        )
        page = Page(Player(show, playing=not paused), host=host, port=port)
    return serve(page, show.title, seconds)


def serve(page: "Page | WorkbenchPage", title: str, seconds: float | None) -> int:
    """Say where the page is and keep it alive until Ctrl-C, or for `seconds`."""
    from rich.console import Console

    console = Console()
    console.print(f"{title}: open [bold]{page.url}[/] in a browser; Ctrl-C ends")
    try:
        page.run(seconds=seconds)
    except KeyboardInterrupt:
        console.print("closed")
    finally:
        page.close()
    return 0
