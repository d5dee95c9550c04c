"""A released policy of another project behind our observations and joint order; without torch."""

from pathlib import Path

import numpy as np

from mimiclab.deployment.contract import METADATA_KEY
from mimiclab.deployment.foreign_contract import contract_of_layout
from mimiclab.deployment.policy import clipped
from mimiclab.deployment.session import open_session
from mimiclab.errors import ContractError
from mimiclab.learning.teachers.adapters import find_layout
from mimiclab.learning.teachers.layout_terms import in_our_terms

TIME_STEP = "time_step"
"""Graph input that selects the frame of a baked motion."""
_ACTIONS = ("actions", "action")


class ForeignPolicy:
    """An ONNX file of Holosoma, BeyondMimic, mjlab, MOSAIC or whoever describes one.

    Observations and actions are in the order of `contract`, whose terms are those of the file and
    whose joints are our robot's.
    """

    def __init__(
        self,
        path: str | Path,
        contract: str = "auto",
        *,
        action_scale: str = "",
        threads: int = 1,
    ) -> None:
        """Open `path`.

        Args:
            path: the file.
            contract: a name of `learning.teachers.adapters.ADAPTERS`, the path of a YAML or JSON
                file with the fields of a `ForeignLayout`, or auto: by the file's metadata.
            action_scale: rad for each unit of action, or `effort`: a quarter of the effort limit
                over the stiffness of each joint; empty for what the file or the layout says.
            threads: those of onnxruntime.

        Raises:
            ContractError: a missing or damaged file, one of ours, one that is not recognised or
                leaves something out, or a graph that contradicts its layout.
            UnknownNameError: no such layout.
        """
        self.path = Path(path)
        self.session = open_session(self.path, threads=threads)
        metadata = self.session.get_modelmeta().custom_metadata_map
        if METADATA_KEY in metadata:
            raise ContractError(
                f"{path} has a mimiclab contract, which says all of it; leave --contract out"
            )
        name, file = str(self.path), self.session
        self.observation_input, width = self._observations()
        self.layout = find_layout(contract, metadata, width, name, action_scale)
        self.terms = in_our_terms(self.layout, width, name)
        self.contract = contract_of_layout(self.layout, self.terms, name)
        self.remarks: tuple[str, ...] = self.terms.remarks
        self.outputs = {entry.name: entry.shape for entry in file.get_outputs()}
        self._action = self._action_output()
        self._columns = _columns(self.terms.terms)
        self._joints = np.array(self.terms.joints)

    @property
    def has_reference(self) -> bool:
        """Whether a motion is inside the file; otherwise one must be given."""
        return TIME_STEP in self._names

    def reset(self, rows: np.ndarray | None = None) -> None:
        """Nothing to forget."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Raw actions of observations, both in our order. (N, D) -> (N, J), or (D,) -> (J,).

        Raises:
            ContractError: observations of another width.
        """
        batch = np.atleast_2d(np.asarray(observations, np.float32))
        width = self.contract.observation_size
        if batch.ndim != 2 or batch.shape[1] != width:
            raise ContractError(
                f"{self.path.name}: observations have shape {np.shape(observations)}, expected "
                f"(N, {width})"
            )
        # Most exporters fix the batch to one.
        rows = [self._run_one(row) for row in batch[:, self._columns]]
        actions = np.empty((len(rows), len(self._joints)), np.float32)
        actions[:, self._joints] = np.concatenate(rows)
        actions = clipped(actions, self.contract)
        return actions if np.ndim(observations) == 2 else actions[0]

    def _run_one(self, row: np.ndarray) -> np.ndarray:
        feed = {self.observation_input: row[None]}
        if self.has_reference:
            feed[TIME_STEP] = np.zeros((1, 1), np.float32)
        return np.asarray(self.session.run([self._action], feed)[0])

    def _observations(self) -> tuple[str, int]:
        """Name and width of the graph's observations."""
        inputs = {entry.name: entry.shape for entry in self.session.get_inputs()}
        self._names = set(inputs)
        found = [name for name in inputs if name != TIME_STEP]
        width = inputs[found[0]][-1] if len(found) == 1 and inputs[found[0]] else None
        if not isinstance(width, int) or len(inputs[found[0]]) != 2:
            raise ContractError(
                f"{self.path}: the graph takes {inputs}; expected observations (1, D) alone, or "
                f"with {TIME_STEP!r}. Policies with a memory or several inputs cannot be run"
            )
        return found[0], width

    def _action_output(self) -> str:
        joints = len(self.layout.joint_names)
        for name in _ACTIONS:
            if name in self.outputs:
                if self.outputs[name][-1] != joints:
                    raise ContractError(
                        f"{self.path}: the graph gives {self.outputs[name][-1]} actions, but its "
                        f"layout names {joints} joints; is --contract the right one?"
                    )
                return name
        raise ContractError(
            f"{self.path}: the graph gives {', '.join(self.outputs)}; expected 'actions' or "
            "'action' among them"
        )


def _columns(terms: tuple) -> np.ndarray:
    """For each of the file's observations, its place in ours."""
    columns, start = [], 0
    for term in terms:
        for frame in range(term.history):
            first = start + frame * term.size
            columns += [first + i for i in (term.order or range(term.size))]
        start += term.size * term.history
    return np.array(columns)
