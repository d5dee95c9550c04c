import subprocess
import sys

from mimiclab.simulation import make_env
from mimiclab.tasks.mjlab_registry import TASK_IDS, VELOCITY_IDS, mosaic_registry_id
from mimiclab.tasks.tracking.mosaic import MOSAIC_IDS


def test_importing_mjlab_stays_light():
    code = "import mjlab, sys; assert not {'torch', 'mjlab.tasks.registry'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "[WARN]" not in done.stderr, done.stderr


def test_mjlab_lists_and_builds_our_tasks():
    from mjlab.tasks.registry import list_tasks, load_env_cfg, load_rl_cfg

    assert set(TASK_IDS) <= set(list_tasks())
    low = load_rl_cfg("Mimiclab-Tracking-Flat-Unitree-G1-Low-Freq")
    assert low.num_steps_per_env == 12
    cfg = load_env_cfg(TASK_IDS[1], play=True)
    env = make_env(cfg, engine="native", device="cpu", num_threads=1)
    obs, _ = env.reset()
    assert obs["actor"].shape == (1, 154)
    assert env.command_manager.get_term("motion").library.clip_names


def test_mjlab_lists_and_builds_mosaics_tasks():
    from mjlab.tasks.registry import list_tasks, load_env_cfg, load_rl_cfg

    names = {mosaic_registry_id(name) for name in MOSAIC_IDS}
    assert len(names) == 27 and names <= set(list_tasks())
    assert "Mimiclab-MOSAIC-Pure-Distill-General-Tracking-Flat-G1-v0" in names
    name = "Mimiclab-MOSAIC-MultiTeacher-Residual-Tracking-Flat-G1-v0"
    assert load_rl_cfg(name).actor.hidden_dims == (1024, 1024, 512, 256)
    env = make_env(load_env_cfg(name), engine="native", device="cpu", num_threads=1)
    obs, _ = env.reset()
    assert obs["actor"].shape == obs["teacher"].shape == (1, 770)
    env.close()


def test_mjlab_lists_and_builds_walking():
    from mjlab.tasks.registry import list_tasks, load_env_cfg, load_rl_cfg

    assert set(VELOCITY_IDS) <= set(list_tasks())
    name = "Mimiclab-Velocity-Rough-Booster-K1"
    assert load_rl_cfg(name).algorithm.num_learning_epochs == 8
    assert load_rl_cfg(name).experiment_name == "k1_velocity"
    env = make_env(load_env_cfg(name, play=True), engine="native", device="cpu", num_threads=1)
    obs, _ = env.reset()
    assert obs["actor"].shape == (1, 79) and env.sim.mj_model.nhfield == 1
    env.close()
