import subprocess

import pytest

from mimiclab.viewing import opengl


@pytest.fixture(autouse=True)
def fresh():
    opengl.usable_backend.cache_clear()
    yield
    opengl.usable_backend.cache_clear()


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "off")
    assert opengl.usable_backend() is None


def test_a_driver_that_crashes_or_hangs_is_passed_over(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setattr(opengl.ctypes.util, "find_library", lambda _: "libEGL.so.1")
    crash = subprocess.CompletedProcess([], -11, "", "")
    monkeypatch.setattr(opengl.subprocess, "run", lambda *_, **__: crash)
    assert opengl.usable_backend() is None

    def hang(*_, **__):
        raise subprocess.TimeoutExpired("python", 60)

    opengl.usable_backend.cache_clear()
    monkeypatch.setattr(opengl.subprocess, "run", hang)
    assert opengl.usable_backend() is None


def test_drivers_without_a_gpu_are_left_to_our_own_renderer(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setattr(opengl.ctypes.util, "find_library", lambda _: "libEGL.so.1")
    answer = subprocess.CompletedProcess([], 0, "usable llvmpipe (LLVM 15.0.6, 256 bits)\n", "")
    monkeypatch.setattr(opengl.subprocess, "run", lambda *_, **__: answer)
    assert opengl.usable_backend() == "egl"
    assert opengl.usable_backend(on_gpu=True) is None
