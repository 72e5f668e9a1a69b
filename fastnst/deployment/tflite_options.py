"""What a TFLite file can be made for: sizes, precisions and pixels."""

from collections.abc import Sequence

# How the weights are stored: as they are, rounded to half the bits, or to a
# quarter with the arithmetic in integers (dynamic range).
PRECISIONS = ("fp32", "fp16", "int8")
PIXELS = ("float32", "uint8")

# Height and width; None where the file takes any.
Size = tuple[int, int] | None


def parse_size(text: str) -> Size:
    """Parses "256x320", height x width, or "dynamic".

    Raises:
        ValueError: If it is neither.
    """
    if text == "dynamic":
        return None
    try:
        height, width = [int(number) for number in text.split("x")]
    except ValueError:
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            "`tflite_size` must be height x width, such as 256x320, or "
            f"dynamic. Received: {text!r}."
        )
    return height, width


def file_name(name: str, size: Size, precision: str, pixels: str) -> str:
    """Returns "<name>_256x256_fp16.tflite"; uint8 pixels are named."""
    parts = [name, f"{size[0]}x{size[1]}" if size else "dynamic", precision]
    if pixels != "float32":
        parts.append(pixels)
    return "_".join(parts) + ".tflite"


def check_choice(
    argument: str, received: Sequence[str], legal: Sequence[str]
) -> None:
    """Raises ValueError if values are missing or not of the legal ones."""
    unknown = [value for value in received if value not in legal]
    if unknown or not received:
        raise ValueError(
            f"{argument} must be of {', '.join(legal)}. "
            f"Received: {', '.join(received) or 'nothing'}."
        )
