"""Motions: clips, kinematics, formats, checks, library, samplers, synthesis."""
