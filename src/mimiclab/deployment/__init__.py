"""Policies outside training: contract, ONNX, plain-MuJoCo runs. No torch except to write files."""
