"""Running an exported policy with onnxruntime and NumPy; torch is not needed."""

from pathlib import Path
from typing import Protocol

import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.memory import Memory
from mimiclab.deployment.metadata import contract_of
from mimiclab.deployment.session import open_session
from mimiclab.errors import ContractError

REFERENCE_OUTPUTS = (
    "joint_pos",
    "joint_vel",
    "body_pos_w",
    "body_quat_w",
    "body_lin_vel_w",
    "body_ang_vel_w",
)
"""Graph outputs that hold the baked reference, in BeyondMimic's order after `actions`."""


class Policy(Protocol):
    """What a runner needs of a policy."""

    path: Path
    contract: PolicyContract

    def reset(self, rows: np.ndarray | None = None) -> None:
        """Begin new episodes."""
        ...

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Raw actions of observations, joints in the contract's order. (N, D) or (D,)."""
        ...


def clipped(actions: np.ndarray, contract: PolicyContract) -> np.ndarray:
    """Raw actions within the contract's bound."""
    bound = contract.action_clip
    return actions if bound is None else np.clip(actions, -bound, bound)


class OnnxPolicy:
    """A policy file: observations in, actions out, for one robot or a batch.

    A recurrent policy remembers each robot of the batch from call to call: `reset` it when an
    episode starts.

    Raises:
        ContractError: missing or damaged file, no contract, or a graph that contradicts it.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        """Open `path`; `threads` are those of onnxruntime (small networks want one)."""
        self.path = Path(path)
        self._session = open_session(self.path, threads=threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.contract: PolicyContract = contract_of(metadata, self.path)
        self._inputs = {entry.name: entry.shape for entry in self._session.get_inputs()}
        self._outputs = {entry.name: entry.shape for entry in self._session.get_outputs()}
        self._memory = Memory(self.contract.recurrent)
        self._check_graph()

    def reset(self, rows: np.ndarray | None = None) -> None:
        """Begin new episodes: forget everything, or only some robots (n,) of the batch."""
        self._memory.reset(rows)

    @property
    def has_reference(self) -> bool:
        """Whether the clips are inside the file; otherwise a motion must be given."""
        return "time_step" in self._inputs

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Deterministic raw actions of observations. (N, D) -> (N, J), or (D,) -> (J,); float32.

        Raises:
            ContractError: observations of another width, or of another number of robots than a
                recurrent policy remembers.
        """
        batch = np.atleast_2d(np.asarray(observations, np.float32))
        width = self.contract.observation_size
        if batch.ndim != 2 or batch.shape[1] != width:
            raise ContractError(
                f"{self.path.name}: observations have shape {np.shape(observations)}, expected "
                f"(N, {width})"
            )
        feed = {"obs": batch, **self._memory.feed(len(batch))}
        if self.has_reference:
            feed["time_step"] = np.zeros((len(batch), 1), np.float32)
        found = self._session.run(["actions", *self._memory.outputs], feed)
        actions, *state = (np.asarray(array) for array in found)
        self._memory.keep(state)
        actions = clipped(actions, self.contract)
        return actions if np.ndim(observations) == 2 else actions[0]

    def reference_frames(self, time_step: np.ndarray) -> dict[str, np.ndarray]:
        """Baked reference at frame numbers (N,); numbers past the end give the last frame.

        Raises:
            ContractError: a policy-only file.
        """
        if not self.has_reference:
            raise ContractError(
                f"{self.path.name}: a policy-only file holds no motion; give one with --motion"
            )
        steps = np.asarray(time_step, np.float32).reshape(-1, 1)
        observations = np.zeros((len(steps), self.contract.observation_size), np.float32)
        feed = {"obs": observations, "time_step": steps, **self._memory.fresh(len(steps))}
        values = self._session.run(list(REFERENCE_OUTPUTS), feed)
        return {
            name: np.asarray(value) for name, value in zip(REFERENCE_OUTPUTS, values, strict=True)
        }

    def _check_graph(self) -> None:
        contract = self.contract
        expected: dict[str, tuple[int, ...]] = {"actions": (len(contract.joint_names),)}
        if contract.clips:
            joints, bodies = len(contract.joint_names), len(contract.body_names)
            shapes = ((joints,), (joints,), (bodies, 3), (bodies, 4), (bodies, 3), (bodies, 3))
            expected |= dict(zip(REFERENCE_OUTPUTS, shapes, strict=True))
        inputs = {"obs", *(state.input for state in contract.recurrent)}
        inputs |= {"time_step"} if contract.clips else set()
        if set(self._inputs) != inputs:
            raise ContractError(
                f"{self.path}: graph inputs are {sorted(self._inputs)}, the contract implies "
                f"{sorted(inputs)}; export the policy again"
            )
        width = self._inputs["obs"][-1]
        if width != contract.observation_size:
            raise ContractError(
                f"{self.path}: the graph takes {width} observations, the contract lists "
                f"{contract.observation_size}; export the policy again"
            )
        for state in contract.recurrent:
            for name, shapes in ((state.input, self._inputs), (state.output, self._outputs)):
                given = tuple(shapes.get(name, ()))
                if len(given) != 3 or (given[0], given[2]) != (state.layers, state.size):
                    raise ContractError(
                        f"{self.path}: hidden state {name!r} of the graph has shape {given}, "
                        f"expected ({state.layers}, N, {state.size}); export the policy again"
                    )
        for name, shape in expected.items():
            given = tuple(self._outputs.get(name, ())[1:])
            if given != shape:
                raise ContractError(
                    f"{self.path}: graph output {name!r} has shape (N, *{given}), expected "
                    f"(N, *{shape}); export the policy again"
                )
