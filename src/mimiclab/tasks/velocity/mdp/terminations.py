"""Termination terms."""

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.sensor import ContactSensor

from mimiclab.tasks.formulas import contact_count

SENSOR = "fall_contacts"
"""Name of the sensor of bodies that touch the ground only in a fall."""


def contact(env: ManagerBasedRlEnv, threshold_n: float) -> torch.Tensor:
    """One of the bodies of a fall touches something with more than `threshold_n`."""
    sensor: ContactSensor = env.scene[SENSOR]
    force = sensor.data.force
    assert force is not None  # the sensor is configured with this field
    return contact_count(force, threshold_n) > 0
