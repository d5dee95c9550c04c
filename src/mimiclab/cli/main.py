"""The `mimiclab` command: finds the sub-command, imports only that one and runs it."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from mimiclab import __version__
from mimiclab.cli.presets import expand
from mimiclab.errors import MimiclabError

# Command words -> (module:function, what it does). Order is the order of the work.
COMMANDS: dict[str, tuple[str, str]] = {
    "motion synthesize": ("mimiclab.cli.motion:synthesize", "write a built-in motion to a file"),
    "motion convert": (
        "mimiclab.cli.motion_convert:convert",
        "convert motion files between formats",
    ),
    "motion retarget": (
        "mimiclab.cli.motion_retarget:retarget",
        "move a robot by people's or other robots' motions",
    ),
    "motion repair": ("mimiclab.cli.motion_repair:repair", "mend motions, and say what was mended"),
    "motion pack": ("mimiclab.cli.motion_pack:pack", "pack motions into a library of any size"),
    "motion extract": (
        "mimiclab.cli.motion_extract:extract",
        "write the motion inside a policy file",
    ),
    "motion inspect": ("mimiclab.cli.motion:inspect", "show what is in a motion file"),
    "motion check": ("mimiclab.cli.motion:check", "report the quality of motion files"),
    "motion stats": ("mimiclab.cli.motion_stats:stats", "describe a data set, find duplicates"),
    "motion split": ("mimiclab.cli.motion_split:split", "training and validation sets, pieces"),
    "motion render": ("mimiclab.cli.motion_render:render", "make a video or picture of a motion"),
    "motion play": ("mimiclab.cli.motion_render:play_motion", "play a motion in the browser"),
    "motion workbench": ("mimiclab.cli.motion_workbench:workbench", "browse, compare, cut motions"),
    "motion push": ("mimiclab.cli.motion_registry:push", "store motions in a registry"),
    "motion pull": ("mimiclab.cli.motion_registry:pull", "copy a motion out of a registry"),
    "motion list": ("mimiclab.cli.motion_registry:list_motions", "list registry, sets, built-ins"),
    "train tracking": ("mimiclab.cli.train:tracking", "train a policy to track motions"),
    "train velocity": ("mimiclab.cli.train_velocity:velocity", "train a policy to walk on command"),
    "train estimator": (
        "mimiclab.cli.train_estimator:estimator",
        "train an estimator of the reference's velocity",
    ),
    "train gmt": ("mimiclab.cli.pipeline:train_gmt", "stage 1 of a pipeline: the generalist"),
    "train adaptor": ("mimiclab.cli.pipeline:train_adaptor", "stage 2: an interface's specialist"),
    "train residual": ("mimiclab.cli.pipeline:train_residual", "stage 3: the corrected generalist"),
    "train resume": ("mimiclab.cli.train:resume", "go on with an interrupted or finished run"),
    "pipeline mosaic": (
        "mimiclab.cli.pipeline:pipeline_mosaic",
        "generalist, adaptor, residual: all stages, each scored",
    ),
    "evaluate": ("mimiclab.cli.evaluate:evaluate", "score a policy on whole clips"),
    "evaluate teleop": (
        "mimiclab.cli.evaluate_teleop:evaluate_teleop",
        "sweep delay, dropout and noise of the reference",
    ),
    "evaluate robustness": (
        "mimiclab.cli.evaluate_robustness:evaluate_robustness",
        "sweep pushes, payload, friction, delay, motor strength",
    ),
    "evaluate velocity": (
        "mimiclab.cli.evaluate_velocity:evaluate_velocity",
        "score a policy that walks on command",
    ),
    "record": ("mimiclab.cli.record:record", "write what a policy sees and does to a file"),
    "export": ("mimiclab.cli.export:export", "write a run's policy as ONNX with its contract"),
    "policy codes": (
        "mimiclab.cli.policy_codes:policy_codes",
        "how a quantised policy uses its codes",
    ),
    "sim2sim": ("mimiclab.cli.sim2sim:sim2sim", "run an ONNX policy in plain MuJoCo"),
    "play": ("mimiclab.cli.play:play", "open a policy, run or motion in the browser"),
    "report": ("mimiclab.cli.report:report", "write a run's report as one HTML page"),
    "list presets": ("mimiclab.cli.presets:list_presets", "published trainings by name"),
    "check robot": ("mimiclab.cli.check_robot:check_robot", "check a robot description or MJCF"),
    "bench simulation": ("mimiclab.cli.bench_simulation:bench_simulation", "env steps per second"),
    "bench motion": ("mimiclab.cli.bench_motion:bench_motion", "motion conversion and load rates"),
    "demo": ("mimiclab.cli.demo:demo", "the whole job on one small motion, in minutes"),
}

_USAGE = """\
usage: mimiclab COMMAND [options]        mimiclab COMMAND --help

Humanoid motion tracking: motion capture in, a policy that a robot can run out.

{rows}

First steps:  mimiclab demo
              mimiclab train tracking --motion builtin:squat
              mimiclab play runs/latest
"""


def usage(prefix: str = "") -> str:
    """The overview, or only the commands whose words begin with `prefix`."""
    rows = [
        f"  {words:<18} {about}"
        for words, (_, about) in COMMANDS.items()
        if not prefix or words.split()[0] == prefix
    ]
    if prefix:
        return f"usage: mimiclab {prefix} COMMAND [options]\n\n" + "\n".join(rows) + "\n"
    return _USAGE.format(rows="\n".join(rows))


def find_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Split command-line arguments into the command words and the rest.

    Raises:
        MimiclabError: the words name no command or preset; the message offers the nearest.
    """
    arguments = expand(arguments)
    for count in (2, 1):
        words = " ".join(arguments[:count])
        if words in COMMANDS:
            return words, list(arguments[count:])
    given = " ".join(word for word in arguments[:2] if not word.startswith("-"))
    near = difflib.get_close_matches(given, COMMANDS, n=2, cutoff=0.4)
    advice = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    raise MimiclabError(f"unknown command {given!r}: {advice}`mimiclab --help` lists them")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 good, 1 found problems, 2 could not run)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    groups = {words.split()[0] for words in COMMANDS if " " in words} - set(COMMANDS)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), end="")
        return 0
    if arguments[0] in ("-V", "--version"):
        print(f"mimiclab {__version__}")
        return 0
    if arguments[0] in groups and (len(arguments) == 1 or arguments[1] in ("-h", "--help")):
        print(usage(arguments[0]), end="")
        return 0
    try:
        words, rest = find_command(arguments)
        module, function = COMMANDS[words][0].split(":")
        # Waiting OpenMP threads must sleep, not spin, or they steal cores from the physics;
        # the setting counts only before torch is imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        command = getattr(importlib.import_module(module), function)
        prog = f"mimiclab {words}"
        if hasattr(command, "read"):  # defaults that depend on other arguments
            result = command(command.read(rest, prog))
        else:
            import tyro

            result = tyro.cli(command, prog=prog, args=rest)
        return result if isinstance(result, int) else 0
    except MimiclabError as error:
        print(f"mimiclab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mimiclab: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
