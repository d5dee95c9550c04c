"""A policy file for the G1 that does nothing but follow built-in motions, and a browser."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for headless_browser


@pytest.fixture
def open_browser(tmp_path):
    """Opens a page in headless Chromium; skips where there is none."""
    from headless_browser import Browser, chromium

    if chromium() is None:
        pytest.skip("no Chromium on PATH")
    opened = []

    def open_page(url: str, size: tuple[int, int] = (1000, 700)) -> Browser:
        opened.append(Browser(url, tmp_path / f"profile{len(opened)}", size))
        return opened[-1]

    yield open_page
    for browser in opened:
        browser.close()


@pytest.fixture
def serve():
    """Runs a page, made from a free port, in a thread until the test ends."""
    import socket
    import threading

    ended, closers = threading.Event(), []

    def start(make_page):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        page = make_page(port)

        def run():
            while not ended.is_set():
                page.run(seconds=0.2)

        thread = threading.Thread(target=run)
        thread.start()
        closers.extend([thread.join, page.close])
        return page

    yield start
    ended.set()
    for close in closers:
        close()


@pytest.fixture(scope="session")
def policy_file(tmp_path_factory, g1):
    import torch

    from mimiclab.deployment.contract import (
        ObservationTerm,
        Physics,
        PolicyContract,
        Provenance,
    )
    from mimiclab.deployment.export import bake_clips, export_policy
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.synthesis import builtin_motion

    class Nothing(torch.nn.Module):
        def forward(self, obs):
            return 0.0 * obs

    names = ("stand", "wave")
    library = MotionLibrary.from_clips([builtin_motion(name) for name in names], robot=g1.name)
    clips, reference = bake_clips(library, names, 0.02)
    contract = PolicyContract(
        robot=g1.name,
        model_hash=g1.model_hash,
        joint_names=g1.joint_names,
        default_joint_pos=tuple(g1.default_pose.tolist()),
        stiffness=tuple(g1.stiffness.tolist()),
        damping=tuple(g1.damping.tolist()),
        effort_limit=tuple(g1.effort_limit.tolist()),
        armature=tuple(g1.armature.tolist()),
        action_scale=tuple(g1.action_scale.tolist()),
        action_offset="reference",
        observations=(ObservationTerm(name="joint_pos", size=g1.num_joints),),
        physics=Physics(dt_s=0.005, control_dt_s=0.02, options={"integrator": 3}),
        anchor_body=g1.anchor_body,
        body_names=g1.tracked_bodies,
        end_effectors=g1.end_effectors,
        motion_names=names,
        clips=clips,
        task={"robot": g1.name, "residual_action": True},
        provenance=Provenance(run="nothing", iteration=0),
    )
    path = tmp_path_factory.mktemp("policy") / "nothing.onnx"
    return export_policy(Nothing(), contract, path, reference=reference)
