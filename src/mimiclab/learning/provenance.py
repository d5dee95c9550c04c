"""Which code made a run: git state, versions, machine."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "mimiclab", "mjlab", "mjbatch", "mujoco", "mujoco-warp", "rsl-rl-lib", "torch", "numpy",
)  # fmt: skip


def git_state(folder: str | Path | None = None) -> dict[str, str | bool | None]:
    """Commit, branch and whether files differ from it; empty when not in a git checkout.

    Args:
        folder: inside the checkout; the default is where mimiclab is installed from.
    """
    folder = Path(folder or __file__).resolve()
    folder = folder if folder.is_dir() else folder.parent

    def ask(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    tracked = ask("ls-files", "--", str(folder))
    if commit is None or not tracked:  # not a checkout, or installed inside somebody else's
        return {}
    return {
        "commit": commit,
        "branch": ask("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": bool(ask("status", "--porcelain", "--untracked-files=no")),
    }


def git_diff(folder: str | Path | None = None) -> str:
    """Uncommitted changes of the checkout as a patch; empty when there are none."""
    if not git_state(folder).get("dirty"):
        return ""
    folder = Path(folder or __file__).resolve()
    folder = folder if folder.is_dir() else folder.parent
    done = subprocess.run(
        ["git", "-C", str(folder), "diff", "HEAD"], capture_output=True, text=True
    )
    return done.stdout


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the result."""
    found = {"python": platform.python_version(), "system": platform.system()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
