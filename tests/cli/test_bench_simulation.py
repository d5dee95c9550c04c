import json

import pytest

from mimiclab.cli.bench_simulation import bench_simulation
from mimiclab.errors import EngineError


@pytest.mark.slow
def test_rows_of_each_engine_have_the_documented_fields(tmp_path, capsys):
    file = tmp_path / "bench.json"
    code = bench_simulation(
        json=file, envs="4,6", engines="native,mjbatch,mj_step", seconds=0.6, rounds=2
    )
    assert code == 0
    result = json.loads(file.read_text())
    assert result["schema"] == 1
    assert (result["task"], result["robot"], result["decimation"]) == ("tracking", "unitree_g1", 4)
    assert result["cores"] >= 1
    assert [(row["engine"], row["num_envs"]) for row in result["rows"]] == [
        (engine, count) for count in (4, 6) for engine in ("native", "mjbatch", "mj_step")
    ]
    for row in result["rows"]:
        assert row["env_steps_per_s"] > 10
        assert row["physics_steps_per_s"] == pytest.approx(4 * row["env_steps_per_s"], rel=0.01)
        assert 0 <= row["outside_physics"] < 1
    assert "of bare mj_step" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"engines": "native,bullet"}, "mj_step"),
        ({"envs": "64,many"}, "64,256"),
        ({"envs": "0"}, "0"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(wrong, message):
    with pytest.raises(EngineError, match=message):
        bench_simulation(**wrong)
