"""Recorded rollouts: files that describe themselves, and their readers."""
