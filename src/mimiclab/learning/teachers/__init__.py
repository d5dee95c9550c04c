"""Frozen policies that show a student what to do."""
