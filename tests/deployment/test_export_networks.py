"""Every network as an ONNX file: the same actions as torch, memory included."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from tensordict import TensorDict

from mimiclab.deployment.contract import PolicyContract, RecurrentState
from mimiclab.deployment.export import check_parity, export_policy, recurrent_states
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.errors import ContractError
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.policy import Policy
from mimiclab.viewing.player.policy_show import PolicyShow

NETWORKS = {
    "lstm": NetworkCfg(kind="recurrent", cell="lstm", width=24, layers=2),
    "gru": NetworkCfg(kind="recurrent", cell="gru", width=24),
    "attention": NetworkCfg(kind="attention", width=16, heads=4),
    "transformer": NetworkCfg(kind="transformer", width=16, heads=4),
    "fsq": NetworkCfg(kind="fsq", encoder=(32,)),
    "vq": NetworkCfg(kind="vq", encoder=(32,), codes=64, code_size=8, code_slots=4),
}
HISTORY = 3


@pytest.fixture(scope="module")
def long_contract(make_contract):
    """The G1's observations with three frames of each."""
    plain = make_contract().observations
    return make_contract(observations=tuple(replace(t, history=HISTORY) for t in plain))


def actor_of(name: str, contract: PolicyContract):
    """An untrained actor with statistics of some samples, as after a first rollout."""
    terms = {term.name: term.size * term.history for term in contract.observations}
    layout = {
        "observations": {"actor": terms, "critic": {"joint_pos": 1}},
        "history": {"actor": {name: HISTORY for name in terms}},
        "actions": {"joint_pos": len(contract.joint_names)},
    }
    cfg = TrainCfg(network=NETWORKS[name], ppo=PpoCfg(hidden=(32,)))
    torch.manual_seed(1)
    actor = build_actor(cfg, layout)
    samples = 1.0 + 2.0 * torch.randn(500, contract.observation_size)
    actor.fold_in(TensorDict({"actor": samples}, [500]))
    return Policy(actor.eval(), layout, 0)


def observations(steps: int, rows: int, contract: PolicyContract) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return 1.0 + 2.0 * torch.randn(steps, rows, contract.observation_size, generator=generator)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("with_reference", [True, False])
def test_a_network_acts_alike_in_torch_and_onnxruntime(
    name, with_reference, long_contract, baked, tmp_path
):
    policy = actor_of(name, long_contract)
    module = policy.actor.as_onnx(verbose=False)
    contract = replace(long_contract, recurrent=recurrent_states(module))
    if not with_reference:
        contract = replace(contract, clips=())
    path = tmp_path / "p.onnx"
    export_policy(module, contract, path, reference=baked if with_reference else None)
    onnx.checker.check_model(onnx.load(path))
    file = OnnxPolicy(path)
    assert file.contract == contract
    assert bool(contract.recurrent) == (name in ("lstm", "gru"))

    # Against the policy that training and evaluation use, step by step, some episodes ending.
    policy.reset()
    for step, obs in enumerate(observations(6, 9, contract)):
        if step == 4:
            policy.reset(torch.tensor([2, 5]))
            file.reset(np.array([2, 5]))
        np.testing.assert_allclose(file.act(obs.numpy()), policy(obs), atol=1e-5, rtol=1e-5)
    if with_reference:
        file.reference_frames(np.arange(4))  # leaves the memory alone
        obs = observations(7, 9, contract)[6]
        np.testing.assert_allclose(file.act(obs.numpy()), policy(obs), atol=1e-5, rtol=1e-5)
    assert check_parity(module, file, obs) <= 1e-5


@pytest.fixture(scope="module")
def lstm_file(long_contract, tmp_path_factory):
    module = actor_of("lstm", long_contract).actor.as_onnx(verbose=False)
    contract = replace(long_contract, clips=(), recurrent=recurrent_states(module))
    return export_policy(module, contract, tmp_path_factory.mktemp("lstm") / "p.onnx")


def test_the_hidden_state_travels_under_rsl_rl_s_names(lstm_file):
    graph = onnx.load(lstm_file).graph
    assert [i.name for i in graph.input] == ["obs", "h_in", "c_in"]
    assert [o.name for o in graph.output] == ["actions", "h_out", "c_out"]
    states = tuple(RecurrentState(name=name, layers=2, size=24) for name in "hc")
    assert OnnxPolicy(lstm_file).contract.recurrent == states


def test_a_reset_begins_anew(lstm_file, long_contract):
    file = OnnxPolicy(lstm_file)
    (obs,) = observations(1, 3, long_contract).numpy()
    first, second = file.act(obs), file.act(obs)
    assert np.abs(second - first).max() > 1e-4
    file.reset(np.array([1]))
    third = file.act(obs)
    np.testing.assert_allclose(third[1], first[1], atol=1e-6)
    assert np.abs(third[[0, 2]] - first[[0, 2]]).max() > 1e-4
    with pytest.raises(ContractError, match=r"remembers 3 robots.*of 1; call reset"):
        file.act(obs[0])
    file.reset()
    np.testing.assert_allclose(file.act(obs[0]), first[0], atol=1e-6)


def test_a_graph_with_another_memory_than_its_contract_is_refused(lstm_file, tmp_path):
    from mimiclab.deployment.metadata import metadata_of

    contract = OnnxPolicy(lstm_file).contract
    cases = [
        ((), "the contract implies"),
        (tuple(replace(s, size=7) for s in contract.recurrent), r"expected \(2, N, 7\)"),
    ]
    for states, message in cases:
        model = onnx.load(lstm_file)
        onnx.helper.set_model_props(model, metadata_of(replace(contract, recurrent=states)))
        onnx.save(model, tmp_path / "p.onnx")
        with pytest.raises(ContractError, match=message):
            OnnxPolicy(tmp_path / "p.onnx")


def test_contracts_written_before_there_were_recurrent_policies_are_read(contract):
    import json

    values = json.loads(contract.to_json())
    del values["recurrent"]
    assert PolicyContract.from_json(json.dumps(values)) == contract


def test_runners_begin_each_episode_without_memories(lstm_file, reference):
    sim = Sim2Sim(OnnxPolicy(lstm_file), reference)
    cfg = EpisodeCfg(seconds=0.2, terminate=False, initial_noise=0.0)
    first, second = sim.run(cfg), sim.run(cfg)
    np.testing.assert_array_equal(first.qpos, second.qpos)

    show = PolicyShow(sim.policy, [reference], "show")
    paths = []
    for _ in range(2):
        show.seek(0)
        paths.append([(show.advance(), show.qpos.copy())[1] for _ in range(5)])
    np.testing.assert_array_equal(*paths)
