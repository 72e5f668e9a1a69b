"""Who runs: name to factory and its options, the reference first."""

REFERENCE = "PyTorch eager"
COMPILED = "torch.compile"
COMPILED_BFLOAT16 = "torch.compile, channels_last, bfloat16"
ONNX_RUNTIME = "ONNX Runtime"
SAVED_MODEL = "fastnst SavedModel, float32"
KERAS = "fastnst Keras, float32"
KERAS_BFLOAT16 = "fastnst Keras, bfloat16"
LITERT = "fastnst LiteRT, float32"
LITERT_INT8 = "fastnst LiteRT, dynamic-range int8"
TRAINING = "fastnst, float32"
TRAINING_BFLOAT16 = "fastnst, mixed_bfloat16"

INFERENCE = {
    REFERENCE: ("torch_inference:eager", {}),
    COMPILED: ("torch_inference:compiled", {}),
    COMPILED_BFLOAT16: ("torch_inference:compiled_bfloat16", {}),
    ONNX_RUNTIME: ("onnx_inference:float32", {}),
    KERAS: ("fastnst_inference:through_keras", {"precision": "float32"}),
    SAVED_MODEL: ("fastnst_inference:through_saved_model", {}),
    KERAS_BFLOAT16: (
        "fastnst_inference:through_keras",
        {"precision": "bfloat16"},
    ),
    LITERT: ("litert_inference:run_file", {"precision": "fp32"}),
    LITERT_INT8: ("litert_inference:run_file", {"precision": "int8"}),
}
TRAINING_STEP = {
    REFERENCE: ("torch_training:eager", {}),
    COMPILED: ("torch_training:compiled", {}),
    COMPILED_BFLOAT16: ("torch_training:compiled_bfloat16", {}),
    TRAINING: ("fastnst_training:bare_step", {"precision": "float32"}),
    TRAINING_BFLOAT16: (
        "fastnst_training:bare_step",
        {"precision": "mixed_bfloat16"},
    ),
}
FLOOR = {
    f"{framework}, {operation.replace('_', ' ')}, {dtype}": (
        f"{module}:{operation}",
        {"dtype": dtype},
    )
    for dtype in ("float32", "bfloat16")
    for operation in ("convolution", "matrix_product")
    for framework, module in (
        ("PyTorch", "torch_floor"),
        ("TensorFlow", "fastnst_floor"),
    )
}
# Compilers need memory for themselves, so they are not among these.
MEMORY = {
    name: INFERENCE[name]
    for name in (
        REFERENCE,
        ONNX_RUNTIME,
        KERAS,
        KERAS_BFLOAT16,
        SAVED_MODEL,
        LITERT,
        LITERT_INT8,
    )
}
