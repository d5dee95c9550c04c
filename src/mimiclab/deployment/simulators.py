"""The simulators that run a policy's contract, by name."""

from types import MappingProxyType
from typing import TYPE_CHECKING

import mujoco

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.simulator import RobotSimulator
from mimiclab.errors import UnknownNameError

if TYPE_CHECKING:
    from mimiclab.deployment.physx_cfg import PhysxCfg


SIMULATORS = MappingProxyType(
    {
        "mujoco": "plain MuJoCo, one robot",
        "physx": "PhysX 5 on the CPU through SAPIEN, one robot",
    }
)
"""What each is."""


def open_simulator(
    name: str,
    contract: PolicyContract,
    model: mujoco.MjModel | None = None,
    *,
    delay_steps: int = 0,
    physx: "PhysxCfg | None" = None,
) -> RobotSimulator:
    """A robot of `contract` in a simulator.

    Args:
        name: one of `SIMULATORS`.
        contract: rates, gains and names.
        model: what `build_model` made of the contract, to share it; made anew if left out.
        delay_steps: physics steps by which joint targets reach the motors late.
        physx: settings of PhysX.

    Raises:
        UnknownNameError: another name.
        ContractError: the robot here is not the one trained on.
        EngineError: PhysX is not installed, or cannot simulate this robot.
    """
    if name == "mujoco":
        return RobotSimulator(contract, model, delay_steps=delay_steps)
    if name == "physx":
        from mimiclab.deployment.physx import PhysxSimulator

        return PhysxSimulator(contract, model, delay_steps=delay_steps, cfg=physx)
    raise UnknownNameError("simulator", name, SIMULATORS)
