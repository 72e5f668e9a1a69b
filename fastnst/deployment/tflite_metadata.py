"""Metadata of a TFLite file: what it is, what it takes, its styles.

In the format of TFLite Metadata (`metadata_schema.fbs`, tflite-support 0.4),
which Netron and Android Studio show too: a FlatBuffer in the file's buffer
TFLITE_METADATA, and the names of the styles, one a line, as styles.txt in a ZIP
archive at the end of the file (`unzip -p network.tflite styles.txt`).
"""

from collections.abc import Sequence
import dataclasses
import io
from typing import Any
import zipfile

from ai_edge_litert import schema_py_generated as schema
import flatbuffers
import flatbuffers.encode
import flatbuffers.number_types
import flatbuffers.packer
import flatbuffers.table
import keras
import numpy as np

STYLES_FILE = "styles.txt"

_BUFFER = b"TFLITE_METADATA"
# Places of the fields in the tables of metadata_schema.fbs.
_NAME, _DESCRIPTION = 0, 1
_MODEL_SUBGRAPHS, _MODEL_FILES = 3, 6
_SUBGRAPH_INPUTS, _SUBGRAPH_OUTPUTS = 2, 3
_TENSOR_STATISTICS = 5
_MAXIMUM, _MINIMUM = 0, 1


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or an output; its values are within [minimum, maximum]."""

    name: str
    description: str
    minimum: float
    maximum: float


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a file says about itself.

    Attributes:
        name: Of the network.
        description: A sentence.
        inputs: In the order of the file.
        outputs: The same.
        style_names: In the order of `style_blend`; empty if it has no styles.
    """

    name: str
    description: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    style_names: tuple[str, ...]


_TENSORS = {
    "image": Tensor("image", "RGB picture.", 0.0, 255.0),
    "style_blend": Tensor(
        "style_blend",
        f"Weights of the styles, in the order of {STYLES_FILE}, summing to 1.",
        0.0,
        1.0,
    ),
    "transformed": Tensor("transformed", "RGB picture.", 0.0, 255.0),
}


def describe(network: keras.Model) -> str:
    """Returns a sentence that says what the network does."""
    factor = network.factor
    if factor > 1:
        return f"Enlarges a picture {factor} times."
    return "Redraws a picture in another style."


def embed(
    model: bytes, *, name: str, description: str, style_names: Sequence[str]
) -> bytes:
    """Writes metadata into a TFLite file.

    The names of the tensors inside, up to a tenth of a file, are left out.

    Args:
        model: The file, of one signature.
        name: See `Metadata`, as the others.
        description: One sentence.
        style_names: May be empty.

    Returns:
        The file with them; it computes the same.
    """
    root = schema.ModelT.InitFromPackedBuf(model, 0)
    (graph,), (signature,) = root.subgraphs, root.signatureDefs
    outside = {*graph.inputs, *graph.outputs}
    for index, tensor in enumerate(graph.tensors):
        if index not in outside:
            tensor.name = b""
    names = {
        each.tensorIndex: each.name.decode()
        for each in (*signature.inputs, *signature.outputs)
    }
    packed = _pack(
        Metadata(
            name=name,
            description=description,
            inputs=tuple(_TENSORS[names[index]] for index in graph.inputs),
            outputs=tuple(_TENSORS[names[index]] for index in graph.outputs),
            style_names=tuple(style_names),
        )
    )
    entry = schema.MetadataT()
    entry.name, entry.buffer = _BUFFER, len(root.buffers)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(packed, np.uint8)
    root.buffers.append(buffer)
    root.metadata = [*(root.metadata or []), entry]
    builder = _AlignedBuilder(len(model))
    builder.Finish(root.Pack(builder), b"TFL3")
    return _with_styles(bytes(builder.Output()), style_names)


def read(model: bytes) -> Metadata:
    """Reads the metadata that `embed` wrote.

    Raises:
        ValueError: If the file has none.
    """
    root = schema.Model.GetRootAs(model, 0)
    entries = map(root.Metadata, range(root.MetadataLength()))
    found = [each.Buffer() for each in entries if each.Name() == _BUFFER]
    if not found:
        raise ValueError(
            "A TFLite file of fastnst must have a buffer TFLITE_METADATA. "
            "Received: a file without; export the network again."
        )
    packed = root.Buffers(found[0]).DataAsNumpy().tobytes()
    start = flatbuffers.encode.Get(flatbuffers.packer.uoffset, packed, 0)
    table = flatbuffers.table.Table(packed, start)
    (graph,) = _tables(table, _MODEL_SUBGRAPHS)
    styles: list[str] = []
    if _tables(table, _MODEL_FILES):
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            styles = archive.read(STYLES_FILE).decode().splitlines()
    return Metadata(
        name=_text(table, _NAME),
        description=_text(table, _DESCRIPTION),
        inputs=tuple(map(_tensor, _tables(graph, _SUBGRAPH_INPUTS))),
        outputs=tuple(map(_tensor, _tables(graph, _SUBGRAPH_OUTPUTS))),
        style_names=tuple(styles),
    )


class _AlignedBuilder(flatbuffers.Builder):
    """Keeps weights at multiples of 16 bytes, as the schema demands.

    The generated Python code does not know of the schema's `force_align`.
    """

    def CreateNumpyVector(self, x):
        if x.dtype == np.uint8:
            self.Prep(16, x.nbytes)
        return super().CreateNumpyVector(x)


def _with_styles(model: bytes, style_names: Sequence[str]) -> bytes:
    if not style_names:
        return model
    file = io.BytesIO(model)
    with zipfile.ZipFile(file, "a") as archive:
        # A ZipInfo has a constant date: the same network, the same file.
        archive.writestr(zipfile.ZipInfo(STYLES_FILE), "\n".join(style_names))
    return file.getvalue()


def _pack(metadata: Metadata) -> bytes:
    fields: dict[int, Any] = {
        _NAME: metadata.name,
        _DESCRIPTION: metadata.description,
        _MODEL_SUBGRAPHS: [
            {
                _SUBGRAPH_INPUTS: [_fields(each) for each in metadata.inputs],
                _SUBGRAPH_OUTPUTS: [_fields(each) for each in metadata.outputs],
            }
        ],
    }
    if metadata.style_names:
        fields[_MODEL_FILES] = [{_NAME: STYLES_FILE}]
    builder = flatbuffers.Builder()
    builder.Finish(_pack_value(builder, fields), b"M001")
    return bytes(builder.Output())


def _fields(tensor: Tensor) -> dict[int, Any]:
    return {
        _NAME: tensor.name,
        _DESCRIPTION: tensor.description,
        _TENSOR_STATISTICS: {
            _MAXIMUM: np.array([tensor.maximum], np.float32),
            _MINIMUM: np.array([tensor.minimum], np.float32),
        },
    }


def _pack_value(builder: flatbuffers.Builder, value) -> int:
    """Packs a text, numbers, a list of tables, or a table as a dict."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, list):
        tables = [_pack_value(builder, each) for each in value]
        builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            builder.PrependUOffsetTRelative(table)
        return builder.EndVector()
    offsets = {at: _pack_value(builder, field) for at, field in value.items()}
    builder.StartObject(max(offsets) + 1)
    for place, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(place, offset, 0)
    return builder.EndObject()


def _tensor(table: flatbuffers.table.Table) -> Tensor:
    place = table.Pos + _offset(table, _TENSOR_STATISTICS)
    statistics = flatbuffers.table.Table(table.Bytes, table.Indirect(place))
    return Tensor(
        name=_text(table, _NAME),
        description=_text(table, _DESCRIPTION),
        minimum=_first_number(statistics, _MINIMUM),
        maximum=_first_number(statistics, _MAXIMUM),
    )


def _first_number(table: flatbuffers.table.Table, place: int) -> float:
    return table.Get(
        flatbuffers.number_types.Float32Flags,
        table.Vector(_offset(table, place)),
    )


def _offset(table: flatbuffers.table.Table, place: int) -> int:
    """Returns where a field is; 0 if the table does not have it."""
    return table.Offset(4 + 2 * place)


def _text(table: flatbuffers.table.Table, place: int) -> str:
    return table.String(table.Pos + _offset(table, place)).decode()


def _tables(table: flatbuffers.table.Table, place: int) -> list:
    offset = _offset(table, place)
    if not offset:
        return []
    start = table.Vector(offset)
    return [
        flatbuffers.table.Table(table.Bytes, table.Indirect(start + 4 * index))
        for index in range(table.VectorLen(offset))
    ]
