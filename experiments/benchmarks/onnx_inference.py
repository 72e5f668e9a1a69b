"""ONNX Runtime, on PyTorch's network exported to ONNX."""

import numpy as np
import onnxruntime


def float32(case):
    """All of its graph optimizations are on, which is its default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        f"{case.directory}/{case.name}.onnx",
        options,
        providers=["CPUExecutionProvider"],
    )
    pictures = np.ascontiguousarray(case.pictures().transpose(0, 3, 1, 2))
    return lambda: session.run(["transformed"], {"image": pictures})
