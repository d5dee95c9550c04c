import numpy as np
import onnx
import pytest
import torch

from mimiclab.deployment.contract import BakedClip
from mimiclab.deployment.export import check_parity, export_policy
from mimiclab.deployment.policy import REFERENCE_OUTPUTS, OnnxPolicy
from mimiclab.errors import ContractError, OutputError


def test_onnxruntime_acts_like_torch(policy_file, network, contract):
    policy = OnnxPolicy(policy_file)
    observations = 3.0 * torch.randn(200, 160, generator=torch.Generator().manual_seed(1))
    assert check_parity(network, policy, observations) <= 1e-5
    one = policy.act(observations[0].numpy())
    assert one.shape == (29,)
    np.testing.assert_allclose(one, network(observations[:1]).detach()[0], atol=1e-5)
    assert policy.contract == contract


def test_the_graph_has_the_published_inputs_and_outputs(policy_file):
    model = onnx.load(policy_file)
    onnx.checker.check_model(model)
    assert [i.name for i in model.graph.input] == ["obs", "time_step"]
    assert [o.name for o in model.graph.output] == ["actions", *REFERENCE_OUTPUTS]


def test_reference_comes_back_frame_by_frame(policy_file, reference):
    frames = OnnxPolicy(policy_file).reference_frames(np.array([0, 57, 100]))
    for name, values in frames.items():
        np.testing.assert_allclose(values, getattr(reference, name)[[0, 57, 100]], atol=1e-6)


def test_time_is_clamped_to_the_clip(policy_file):
    frames = OnnxPolicy(policy_file).reference_frames(np.array([-5, 0, 100, 101, 1e6]))
    np.testing.assert_array_equal(frames["joint_pos"][0], frames["joint_pos"][1])
    np.testing.assert_array_equal(frames["joint_pos"][2], frames["joint_pos"][3])
    np.testing.assert_array_equal(frames["joint_pos"][2], frames["joint_pos"][4])


def test_policy_only(tmp_path, make_contract, network):
    path = export_policy(network, make_contract(clips=()), tmp_path / "p.onnx")
    policy = OnnxPolicy(path)
    assert not policy.has_reference
    assert policy.act(np.zeros((5, 160))).shape == (5, 29)
    with pytest.raises(ContractError, match="give one with --motion"):
        policy.reference_frames(np.zeros(1))


def test_a_failed_export_leaves_the_old_file(tmp_path, contract, network):
    path = tmp_path / "p.onnx"
    path.write_text("old")
    with pytest.raises(ContractError, match="no reference was given"):
        export_policy(network, contract, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_network_that_onnx_gets_wrong_is_not_written(tmp_path, contract, baked):
    class Forgetful(torch.nn.Module):
        """Gives another answer each time: tracing freezes the first one."""

        count = 0

        def forward(self, obs):
            self.count += 1
            return obs[:, :29] + float(self.count)

    with pytest.raises(ContractError, match="nothing was written"):
        export_policy(Forgetful(), contract, tmp_path / "p.onnx", reference=baked)
    assert not list(tmp_path.iterdir())


def test_a_reference_of_another_length_is_refused(tmp_path, make_contract, network, baked):
    contract = make_contract(clips=(BakedClip(name="dip", start=0, frames=7, fps=50.0),))
    with pytest.raises(ContractError, match="has 101 frames, the contract lists 7"):
        export_policy(network, contract, tmp_path / "p.onnx", reference=baked)


def test_an_unwritable_place_is_refused(tmp_path, contract, network, baked):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another output path"):
        export_policy(network, contract, tmp_path / "file" / "p.onnx", reference=baked)


def test_bad_policy_files_are_refused(tmp_path, policy_file):
    with pytest.raises(ContractError, match="no such policy file"):
        OnnxPolicy(tmp_path / "absent.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(policy_file.read_bytes()[:1000])
    with pytest.raises(ContractError, match="whole ONNX file"):
        OnnxPolicy(broken)
    bare = onnx.load(policy_file)
    del bare.metadata_props[:]
    onnx.save(bare, tmp_path / "bare.onnx")
    with pytest.raises(ContractError, match="no deployment metadata"):
        OnnxPolicy(tmp_path / "bare.onnx")


def test_a_graph_that_contradicts_its_contract_is_refused(tmp_path, policy_file, make_contract):
    from mimiclab.deployment.metadata import metadata_of

    model = onnx.load(policy_file)
    contract = make_contract(observations=make_contract().observations[1:])
    onnx.helper.set_model_props(model, metadata_of(contract))
    onnx.save(model, tmp_path / "p.onnx")
    with pytest.raises(ContractError, match="takes 160 observations, the contract lists 102"):
        OnnxPolicy(tmp_path / "p.onnx")


def test_observations_of_another_width_are_refused(policy_file):
    with pytest.raises(ContractError, match=r"expected \(N, 160\)"):
        OnnxPolicy(policy_file).act(np.zeros((2, 154)))
