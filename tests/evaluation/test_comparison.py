import json

import numpy as np
import pytest

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.comparison import compare
from mimiclab.evaluation.report import EpisodeResult, EvaluationReport


def report(errors, *, failed=(), **stamp):
    """`errors`: group -> clip -> E_AP of each seed; `failed`: seeds that fall in every clip."""
    episodes = [
        EpisodeResult(
            clip=clip, group=group, start="zero", start_s=0.0, seed=seed, steps=10,
            success=seed not in failed, completion=1.0, reason="clip_end",
            metrics={"anchor_position_error": error, "mpjpe_global_mm": 100 * error},
            body_position_error_mm=np.zeros(1),
        )
        for group, clips in errors.items() for clip, seeds in clips.items()
        for seed, error in enumerate(seeds)
    ]  # fmt: skip
    return EvaluationReport(
        protocol={"success_rule": "limits", **stamp}, body_names=("a",), episodes=tuple(episodes)
    )


BASE = report({"old": {"walk": [0.1, 0.3]}, "new": {"wave": [0.4, 0.8], "bow": [1.0, 1.4]}})
RESIDUAL = report(
    {"old": {"walk": [0.1, 0.5]}, "new": {"wave": [0.1, 0.3], "bow": [0.4, 0.4]}}, failed=(1,)
)


@pytest.fixture(scope="module")
def comparison():
    return compare({"gmt": BASE, "residual": RESIDUAL})


def test_the_share_of_the_error_that_was_removed(comparison):
    # Means over the new group: 0.9 and 0.3.
    assert comparison.value("gmt", "new", "E_AP") == pytest.approx(0.9)
    assert comparison.recovered("gmt", "residual", "new", "E_AP") == pytest.approx(2 / 3)
    assert comparison.recovered("gmt", "residual", "old", "E_AP") == pytest.approx(-0.5)
    # All six episodes: 4.0 and 1.8 in sum.
    assert comparison.recovered("gmt", "residual", None, "anchor_position_error") == pytest.approx(
        1 - 1.8 / 4.0
    )


def test_episodes_are_paired(comparison):
    found = comparison.paired("gmt", "residual", "new", "E_AP")
    # Differences -0.3, -0.5, -0.6, -1.0: the pairs differ less than the clips do.
    assert found.mean == pytest.approx(-0.6) and found.episodes == 4
    assert -1.0 <= found.ci95[0] < -0.6 < found.ci95[1] <= -0.3
    success = comparison.paired("gmt", "residual", "old", "success_rate")
    assert success.mean == -0.5 and success.episodes == 2


def test_the_pairs_do_not_depend_on_the_order_of_episodes(comparison):
    turned = EvaluationReport(
        protocol=RESIDUAL.protocol, body_names=("a",), episodes=RESIDUAL.episodes[::-1]
    )
    assert compare({"gmt": BASE, "residual": turned}).paired(
        "gmt", "residual", "new", "E_AP"
    ).mean == pytest.approx(-0.6)


def test_rows_and_markdown(comparison):
    rows = comparison.rows()
    assert [(r["group"], r["stage"]) for r in rows] == [
        ("new", "gmt"), ("new", "residual"), ("old", "gmt"), ("old", "residual"),
    ]  # fmt: skip
    assert rows[1]["success_rate"] == 0.5 and rows[1]["E_AP"] == pytest.approx(0.3)
    assert rows[1]["E_BP"] is None  # was not measured
    assert "| new | residual | 50 % | 0.300 | – | 30.0 | – |" in comparison.to_markdown()


def test_json_files_do_as_well_as_reports(comparison):
    files = {
        "gmt": json.loads(json.dumps(BASE.to_dict())),
        "residual": json.loads(json.dumps(RESIDUAL.to_dict())),
    }
    assert compare(files).to_dict() == comparison.to_dict()
    values = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    found = [d for d in values["differences"] if (d["group"], d["metric"]) == ("new", "E_AP")]
    assert found[0]["base"] == "gmt" and found[0]["mean"] == pytest.approx(-0.6)


def test_a_group_that_only_one_stage_has(comparison):
    found = compare({"gmt": BASE, "adaptor": report({"new": {"wave": [1, 1], "bow": [1, 1]}})})
    assert [r["stage"] for r in found.rows() if r["group"] == "old"] == ["gmt"]
    with pytest.raises(MimiclabError, match=r"'adaptor' was not evaluated on group 'old', only on"):
        found.recovered("gmt", "adaptor", "old", "E_AP")


def test_what_cannot_be_compared_is_refused(comparison):
    with pytest.raises(MimiclabError, match=r"'b' was evaluated with success_rule 'mosaic', 'a' "):
        compare({"a": BASE, "b": report({"old": {"walk": [1.0]}}, success_rule="mosaic")})
    with pytest.raises(MimiclabError, match=r"'old' has other clips in 'b' than in 'a': bow, walk"):
        compare({"a": BASE, "b": report({"old": {"bow": [0.1]}})})
    with pytest.raises(MimiclabError, match="no stage 'adaptor'; the stages are gmt, residual"):
        comparison.value("adaptor", None, "E_AP")
    with pytest.raises(MimiclabError, match="not an error that could be recovered"):
        comparison.recovered("gmt", "residual", "new", "success_rate")
    with pytest.raises(MimiclabError, match="has no metric 'E_BP'; it has success_rate"):
        comparison.value("gmt", "new", "E_BP")
    with pytest.raises(MimiclabError, match="no reports to compare"):
        compare({})
    perfect = report({"new": {"wave": [0.0]}})
    with pytest.raises(MimiclabError, match="nothing to recover"):
        compare({"a": perfect, "b": perfect}).recovered("a", "b", "new", "E_AP")
