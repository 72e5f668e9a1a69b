"""What a TFLite file is made of, and whether phones take it.

The allowed operations run in XNNPACK on processors and in LiteRT's GPU engine.
That engine refuses tensors of more than four dimensions and slices that drop an
axis, and MIRROR_PAD runs in a slow reference kernel on processors.
"""

import collections

from ai_edge_litert import schema_py_generated as schema

_PIXELS = frozenset(
    "ADD CAST CONCATENATION CONV_2D DEPTH_TO_SPACE DEQUANTIZE FULLY_CONNECTED "
    "MAXIMUM MEAN MINIMUM MUL PAD RELU RESHAPE RESIZE_BILINEAR ROUND RSQRT "
    "SLICE SQUARED_DIFFERENCE STRIDED_SLICE SUB TANH TRANSPOSE_CONV".split()
)
# Sizes that are not known before run time are computed in the graph.
_SIZES = frozenset(
    "FLOOR_MOD GATHER NEG PACK RANGE REDUCE_PROD SHAPE".split()
)
_REFUSED_TYPES = frozenset(["BFLOAT16", "RESOURCE", "VARIANT"])
_STRIDED_SLICE = schema.BuiltinOptions.StridedSliceOptions
_MAX_RANK = 4


def audit(model: bytes, *, dynamic: bool = False) -> dict[str, int]:
    """Checks the operations and tensors of a TFLite file.

    Args:
        model: The file.
        dynamic: Whether it takes pictures of any size, which needs operations
            on sizes that only the processor runs.

    Returns:
        How often each operation occurs, most frequent first.

    Raises:
        ValueError: If an operation or a tensor is not allowed.
    """
    root = schema.Model.GetRootAs(model, 0)
    names = _names(schema.BuiltinOperator)
    codes = [
        names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        for code in map(root.OperatorCodes, range(root.OperatorCodesLength()))
    ]
    counts: collections.Counter[str] = collections.Counter()
    for number in range(root.SubgraphsLength()):
        graph = root.Subgraphs(number)
        counts.update(
            codes[graph.Operators(i).OpcodeIndex()]
            for i in range(graph.OperatorsLength())
        )
    _check_operations(counts, _PIXELS | _SIZES if dynamic else _PIXELS)
    for graph in map(root.Subgraphs, range(root.SubgraphsLength())):
        _check_tensors(graph)
        if not dynamic:
            _check_slices(graph)
    return dict(counts.most_common())


def _check_operations(counts: collections.Counter, allowed: frozenset) -> None:
    if "VAR_HANDLE" in counts or "READ_VARIABLE" in counts:
        raise ValueError(
            "The TFLite file holds no weights: it reads variables that a "
            "phone does not have (VAR_HANDLE). It was not kept."
        )
    refused = sorted(counts.keys() - allowed)
    if refused:
        raise ValueError(
            "A TFLite file may have the operations "
            f"{', '.join(sorted(allowed))} only. Received: "
            f"{', '.join(refused)}. It was not kept."
        )


def _check_tensors(graph) -> None:
    names = _names(schema.TensorType)
    for tensor in map(graph.Tensors, range(graph.TensorsLength())):
        kind, rank = names[tensor.Type()], tensor.ShapeLength()
        if kind in _REFUSED_TYPES or rank > _MAX_RANK:
            raise ValueError(
                "The tensors of a TFLite file must have at most "
                f"{_MAX_RANK} dimensions and none of the types "
                f"{', '.join(sorted(_REFUSED_TYPES))}. Received: "
                f"{tensor.Name().decode()!r}, {kind} of {rank} dimensions. It "
                "was not kept."
            )


def _check_slices(graph) -> None:
    """LiteRT's GPU engine refuses slices that drop an axis."""
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        if operator.BuiltinOptionsType() != _STRIDED_SLICE:
            continue
        table, options = operator.BuiltinOptions(), schema.StridedSliceOptions()
        options.Init(table.Bytes, table.Pos)
        if options.ShrinkAxisMask():
            raise ValueError(
                "A TFLite file must not have a STRIDED_SLICE that drops an "
                "axis (shrink_axis_mask), which GPUs refuse. It was not kept."
            )


def _names(enumeration: type) -> dict[int, str]:
    return {
        number: name
        for name, number in vars(enumeration).items()
        if isinstance(number, int)
    }
