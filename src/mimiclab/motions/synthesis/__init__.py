"""Motions computed from a few parameters: feet, ground push and posture, then whole-body IK."""

from mimiclab.motions.synthesis.builtin import builtin_motion as builtin_motion
from mimiclab.motions.synthesis.builtin import builtin_names as builtin_names
from mimiclab.motions.synthesis.builtin import builtin_params as builtin_params
