import json
from dataclasses import replace

import pytest

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.candidates import zero_candidate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.teleop import run_suite
from mimiclab.evaluation.teleop_cfg import SWEEPS, TeleopSuite
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

ZERO = zero_candidate(TrackingTask(residual_action=True))
SMALL = TeleopSuite(
    sweeps=("joint_bias_rad", "delay_s"), joint_bias_rad=(0.0, 0.1), delay_s=(0.0, 0.2)
)
QUICK = Protocol(seeds=2, random_starts=0)


def test_every_point_differs_from_the_rest_in_one_value():
    suite = TeleopSuite()
    points = suite.points()
    assert [p.sweep for p in points[::4]] == list(SWEEPS)
    assert [p.value for p in points[:4]] == [0.0, 0.1, 0.2, 0.4]
    assert points[3].interface == replace(suite.around, delay_s=(0.4, 0.4))
    for point in points:
        changed = {
            name for name, value in vars(point.interface).items()
            if value != vars(suite.around)[name]
        }  # fmt: skip
        assert changed <= {point.sweep}
    # The untouched interface is one and the same point of every sweep.
    assert sum(point.interface == suite.around for point in points) == len(SWEEPS)


def test_values_around_another_interface():
    suite = TeleopSuite(
        sweeps=("dropout",), dropout=(0.2,), around=InterfaceCfg(delay_s=(0.1, 0.3), dropout_s=0.4)
    )
    (point,) = suite.points()
    assert point.interface == InterfaceCfg(delay_s=(0.1, 0.3), dropout_s=0.4, dropout=0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweeps": ()}, "at least one of delay_s, dropout"),
        ({"sweeps": ("dropout", "dropout")}, "none twice"),
        ({"delay_s": ()}, "values of delay_s are .*at least one"),
        ({"smoothing": (0.3, 0.3)}, "values of smoothing .*none twice"),
        ({"dropout": (1.5,)}, "dropout is 1.5, expected 0 to 1"),
    ],
)
def test_suites_that_cannot_be_run(changes, message):
    with pytest.raises(MimiclabError, match=message):
        TeleopSuite(**changes).points()


def test_a_policy_behind_each_interface(library):
    seen = []
    result = run_suite(
        {"pd": ZERO}, {"pd": library}, SMALL, QUICK, progress=lambda *p: seen.append(p)
    )
    assert [(p["sweep"], p["value"]) for p in result.points] == [
        ("joint_bias_rad", 0.0), ("joint_bias_rad", 0.1), ("delay_s", 0.0), ("delay_s", 0.2),
    ]  # fmt: skip
    bias = [s["joint_position_error"]["mean"] for _, s in result.values("pd", "joint_bias_rad")]
    assert bias[1] > bias[0] + 0.02
    # The perfect point is one evaluation, shown in both sweeps.
    assert result.points[0]["summary"] == result.points[2]["summary"]
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["sweeps"]["delay_s"] == {"words": "delay", "unit": "s"}
    assert values["points"][3]["interface"]["delay_s"] == [0.2, 0.2]
    assert values["policies"]["pd"]["kind"] == "zero"
    assert "interface" not in values["protocol"] and values["protocol"]["seeds"] == 2
    done = [step for step, _ in seen]
    assert done == sorted(done) and {total for _, total in seen} == {seen[-1][0]}


def test_what_cannot_be_swept_is_refused(library, endless):
    with pytest.raises(MimiclabError, match="leave that of the protocol off"):
        run_suite({"a": ZERO}, {"a": library}, SMALL, Protocol(interface="own"))
    with pytest.raises(MimiclabError, match=r"different clips \(endless, long, short\)"):
        run_suite({"a": ZERO, "b": ZERO}, {"a": library, "b": endless}, SMALL, QUICK)
