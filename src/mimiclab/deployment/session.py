"""Opening an ONNX file with onnxruntime on the CPU."""

from pathlib import Path

import onnxruntime

from mimiclab.errors import ContractError


def open_session(
    path: Path, what: str = "policy", *, threads: int = 1
) -> onnxruntime.InferenceSession:
    """A session on a file; `threads` are those of an operator (small networks want one).

    Raises:
        ContractError: no such file, or a damaged one; `what` names its kind.
    """
    if not path.is_file():
        raise ContractError(f"{path}: no such {what} file; give the path of an .onnx file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own types are not public
        raise ContractError(
            f"{path}: onnxruntime cannot load it ({error}); is it a whole ONNX file?"
        ) from error
