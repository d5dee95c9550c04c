"""What all viser pages share: the server on a free port, the stage, and event helpers."""

import io
import logging
import socket
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, Literal

import numpy as np
import viser

from mimiclab.errors import MimiclabError, PortInUseError


def open_server(
    host: str, port: int, panel: Literal["medium", "large"] = "medium"
) -> tuple[viser.ViserServer, str]:
    """A viser server and the address to open in a browser; `panel` is the controls' width.

    Raises:
        PortInUseError: another program listens on `port`.
    """
    require_free_port(host, port)
    # A browser that closes a tab while connecting is no news.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    with redirect_stdout(io.StringIO()):  # viser prints a banner; ours names the page
        server = viser.ViserServer(host=host, port=port, label="mimiclab", verbose=False)
    gui = server.gui
    gui.configure_theme(
        control_layout="floating", control_width=panel, brand_color=(29, 127, 151),
        show_logo=False, show_share_button=False,
    )  # fmt: skip
    gui.set_panel_label("mimiclab")
    return server, f"http://{'localhost' if host in ('0.0.0.0', '127.0.0.1') else host}:{port}"


def close_server(server: viser.ViserServer) -> None:
    """Stop serving, without viser's note about it."""
    with redirect_stdout(io.StringIO()):
        server.stop()


def set_stage(server: viser.ViserServer, scale: float = 1.0) -> viser.FrameHandle:
    """Lights, floor and first camera; returns the world, which moves under a following camera.

    `scale` is the figure's size as a multiple of the G1's.
    """
    scene = server.scene
    scene.set_up_direction("+z")
    scene.configure_default_lights(cast_shadow=True)
    scene.configure_environment_map("city", environment_intensity=0.6)
    world = scene.add_frame("/world", show_axes=False)
    scene.add_grid(
        "/world/floor", width=60, height=60, cell_size=0.5, section_size=1.0,
        cell_color=(205, 211, 218), section_color=(170, 178, 188), plane_color=(236, 239, 242),
        plane_opacity=1.0, fade_distance=18, shadow_opacity=0.35, position=(0, 0, -0.002),
    )  # fmt: skip
    camera = server.initial_camera
    camera.position = (2.2 * scale, 1.6 * scale, 1.25 * scale)
    camera.look_at = (0.0, 0.0, 0.65 * scale)
    camera.fov = np.radians(45)
    return world


def on_press(action: Callable[[], Any]) -> Callable[[Any], None]:
    """An action that needs nothing of the event that causes it."""

    def call(_: Any) -> None:
        action()

    return call


def by_user(action: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Leave out the events that our own updates of a control cause."""

    def call(event: Any) -> None:
        if event.client_id is not None:
            action(event)

    return call


def require_free_port(host: str, port: int) -> None:
    """Check that nothing listens on a port; viser would quietly take another.

    Raises:
        PortInUseError: something does; the message names a free port.
        MimiclabError: no valid port, or no such host.
    """
    if not 0 < port < 65536:
        raise MimiclabError(f"port is {port}, expected 1 to 65535; 8080 is usual")
    problem = _bind_error(host, port)
    if problem is None:
        return
    for other in range(port + 1, min(port + 50, 65536)):
        if _bind_error(host, other) is None:
            raise PortInUseError(
                f"cannot serve the viewer on {host}:{port} ({problem}); "
                f"end the other program or use --port {other}"
            )
    raise PortInUseError(
        f"cannot serve the viewer on {host}:{port} ({problem}); try another --host"
    )


def _bind_error(host: str, port: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
