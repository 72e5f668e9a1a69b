"""Reads from a TFLite file what pictures it takes.

A TFLite file is a FlatBuffer (github.com/google-ai-edge/LiteRT,
tflite/converter/schema/schema.fbs); the few fields that are needed here are
read with the standard library, so that building the page needs nothing else.
"""

import struct

# Positions of the fields in the tables of schema.fbs.
_MODEL_SUBGRAPHS = 2
_SUBGRAPH_TENSORS = 0
_SUBGRAPH_INPUTS = 1
_TENSOR_SHAPE = 0
_TENSOR_SHAPE_SIGNATURE = 7


def read_shapes(content: bytes) -> list[list[int]]:
    """Reads the shapes of the inputs; a free dimension is -1.

    Args:
        content: The file.

    Returns:
        A shape per input.

    Raises:
        ValueError: If it is not a whole TFLite file.
    """
    if content[4:8] != b"TFL3":
        raise ValueError("is not a TFLite file")
    try:
        return _shapes(content)
    except (struct.error, IndexError):
        raise ValueError("is not a whole TFLite file") from None


def _shapes(content: bytes) -> list[list[int]]:
    model = _follow(content, 0)
    subgraph = _tables(content, model, _MODEL_SUBGRAPHS)[0]
    tensors = _tables(content, subgraph, _SUBGRAPH_TENSORS)
    return [
        _numbers(content, tensors[index], _TENSOR_SHAPE_SIGNATURE)
        or _numbers(content, tensors[index], _TENSOR_SHAPE)
        for index in _numbers(content, subgraph, _SUBGRAPH_INPUTS)
    ]


def _follow(content: bytes, at: int) -> int:
    return at + struct.unpack_from("<I", content, at)[0]


def _vector(content: bytes, table: int, field: int) -> tuple[int, int]:
    """Returns where a table's vector starts, and its length."""
    fields = table - struct.unpack_from("<i", content, table)[0]
    if 4 + 2 * field >= struct.unpack_from("<H", content, fields)[0]:
        return 0, 0
    offset = struct.unpack_from("<H", content, fields + 4 + 2 * field)[0]
    if not offset:
        return 0, 0
    start = _follow(content, table + offset)
    return start + 4, struct.unpack_from("<I", content, start)[0]


def _numbers(content: bytes, table: int, field: int) -> list[int]:
    start, length = _vector(content, table, field)
    return list(struct.unpack_from(f"<{length}i", content, start))


def _tables(content: bytes, table: int, field: int) -> list[int]:
    start, length = _vector(content, table, field)
    if start + 4 * length > len(content):
        raise IndexError
    return [_follow(content, start + 4 * index) for index in range(length)]
