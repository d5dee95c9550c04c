"""Learners, runners and checkpoints; they do not know which robot."""
