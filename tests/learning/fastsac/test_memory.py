"""The formula of the replay's memory is what torch reserves, and too much is refused."""

import re

import pytest

from mimiclab.errors import MimiclabError
from mimiclab.learning.fastsac.memory import SHARE, free_bytes, replay_bytes, require_memory
from mimiclab.learning.fastsac.replay import Replay


@pytest.mark.parametrize(("sizes", "actions"), [({"actor": 7, "critic": 11}, 3), ({"actor": 5}, 1)])
def test_the_formula_is_what_the_tensors_take(sizes, actions) -> None:
    ring = Replay(sizes, 6, actions, 9, "cpu")
    tensors = [*ring.obs.values(), *ring.next_obs.values()]
    tensors += [ring.actions, ring.reward, ring.failed, ring.ended]
    taken = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert replay_bytes(sizes, actions, 6, 9) == taken


def test_published_memory_of_holosoma() -> None:
    """At 4096 environments: 7.3 GB for locomotion, 15 GB for tracking."""
    walking = replay_bytes({"actor": 100, "critic": 103}, 29, 4096, 1024)
    assert walking / 1e9 == pytest.approx(7.3, abs=0.1)
    tracking = replay_bytes({"actor": 154, "critic": 286}, 29, 4096, 1024)
    assert tracking / 1e9 == pytest.approx(15.3, abs=0.1)


def test_a_replay_that_does_not_fit_is_refused_with_the_size_that_does() -> None:
    sizes, free = {"actor": 160, "critic": 286}, 4 * 10**9
    with pytest.raises(MimiclabError, match="replay of 1024 steps x 4096") as caught:
        require_memory(sizes, 29, 4096, 1024, free=free)
    fits = int(re.search(r"--sac.replay-steps (\d+)", str(caught.value))[1])  # type: ignore
    require_memory(sizes, 29, 4096, fits, free=free)
    assert replay_bytes(sizes, 29, 4096, fits + 1) > SHARE * free
    # Two processes share it.
    with pytest.raises(MimiclabError, match=f"--sac.replay-steps {fits // 2}"):
        require_memory(sizes, 29, 4096, fits, free=free, processes=2)


def test_with_room_for_too_few_steps_fewer_environments_are_advised() -> None:
    sizes = {"actor": 160, "critic": 286}
    with pytest.raises(MimiclabError, match="--num-envs") as caught:
        require_memory(sizes, 29, 4096, 1024, free=10**8, least=24)
    envs = int(re.search(r"--num-envs (\d+)", str(caught.value))[1])  # type: ignore
    require_memory(sizes, 29, envs, 1024, free=10**8, least=24)


def test_free_memory_of_this_machine() -> None:
    assert 10**7 < free_bytes("cpu") < 10**14
