import math

from mimiclab.learning.best import better


def line(iteration=1, difficulty=None, **values):
    curriculum = {} if difficulty is None else {"disturbance/difficulty": difficulty}
    return {"iteration": iteration, "curriculum": curriculum, **values}


def test_more_of_a_good_thing_and_less_of_an_error_is_better():
    best = better(line(3, length=10.0), "length", None)
    assert best == {"metric": "length", "value": 10.0, "difficulty": 1.0, "iteration": 3}
    assert better(line(length=10.0), "length", best) is None
    assert better(line(length=11), "length", best)["value"] == 11.0
    worse = {"metric": "metrics.mpjpe_root_mm", "value": 30.0, "difficulty": 1.0, "iteration": 1}
    assert better(line(metrics={"mpjpe_root_mm": 31.0}), worse["metric"], worse) is None
    assert better(line(metrics={"mpjpe_root_mm": 29.0}), worse["metric"], worse) is not None


def test_difficulty_in_tenths_comes_first():
    best = better(line(difficulty=0.3, length=50.0), "length", None)
    assert best["difficulty"] == 0.3
    assert better(line(difficulty=0.29, length=90.0), "length", best) is None
    assert better(line(difficulty=0.39, length=40.0), "length", best) is None  # 0.3 again
    assert better(line(difficulty=0.4, length=40.0), "length", best)["value"] == 40.0


def test_a_line_without_the_metric_is_never_the_best():
    assert better(line(), "metrics.error", None) is None
    assert better(line(metrics={"error": None}), "metrics.error", None) is None
    best = better(line(length=10.0), "length", None)
    assert better(line(length=math.nan), "length", best) is None
