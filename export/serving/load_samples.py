"""What the load test sends, and the answers that are right."""

import base64
import io
import json
import os
import pathlib
import struct

import PIL.Image
import numpy as np
import requests

_NUM_PHOTOS = 8
# A busy machine divides sums among its threads otherwise, so a pixel between
# two values may become either; JPEG spreads that over its block.
_ROUNDING = {b"\x89P": 1, b"\xff\xd8": 8}
_SIZE = 256


class Sample:
    """One thing to send, and the answer that is right.

    Args:
        name: Of its kind.
        body: JSON, or what should be.
        statuses: The right ones.
        answer: The file of a good answer; None is whatever has "error".
        path: What follows the name of the model.
    """

    def __init__(self, name, body, statuses, answer=None, path=":predict"):
        self.name = name
        self.body = body if isinstance(body, bytes) else json.dumps(body)
        self.statuses = statuses
        self.answer = answer
        self.path = path
        # Of good answers, by pixel; 0 if the files are the same.
        self.differences = []

    def check(self, response: requests.Response) -> str:
        """Returns what is wrong with an answer; empty if nothing."""
        if response.status_code not in self.statuses:
            return f"status {response.status_code}: {response.text[:200]}"
        content = response.json()
        if self.answer is None:
            return "" if content.get("error") else "no error is told"
        data = base64.b64decode(content["outputs"][0]["b64"])
        difference = 0
        if data != self.answer:
            # A file that is not the same counts as 1, if only in its bytes.
            difference = max(1, largest_difference(data, self.answer))
        if difference > _ROUNDING.get(data[:2], 0):
            return f"{difference} of 255 from the direct call's answer"
        self.differences.append(difference)
        return ""


def largest_difference(file: bytes, other: bytes) -> int:
    """Compares the pixels of two pictures; 255 if they cannot be compared."""
    try:
        pixels = [
            np.asarray(PIL.Image.open(io.BytesIO(data)), np.int16)
            for data in (file, other)
        ]
        return int(np.abs(pixels[0] - pixels[1]).max())
    except (OSError, ValueError):
        return 255


def good_samples(saved_model: pathlib.Path) -> list[Sample]:
    """Returns requests with the answers of direct calls."""
    import fastnst

    fastnst.import_tensorflow()
    import tensorflow as tf

    loaded = tf.saved_model.load(os.fspath(saved_model))
    generator = np.random.default_rng(0)
    samples = []
    for index in range(_NUM_PHOTOS):
        coarse = generator.integers(0, 256, [9, 9, 3]).astype(np.float32)
        pixels = tf.image.resize(coarse, [_SIZE, _SIZE], "bicubic")
        pixels = tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8)
        encode = tf.io.encode_jpeg if index % 2 else tf.io.encode_png
        data = encode(pixels).numpy()
        for signature in ("serving_default", "jpeg"):
            run = loaded.signatures[signature]
            (result,) = run(image_bytes=tf.constant([data])).values()
            body = {"signature_name": signature, "inputs": [_b64(data)]}
            answer = result.numpy()[0]
            samples.append(Sample(f"good {signature}", body, [200], answer))
    return samples


def bad_samples(too_large: int) -> list[Sample]:
    """Returns requests that must be refused; one has that many bytes."""
    size = struct.pack(">II", 60_000, 60_000)
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0\0\0\0\0"
    files = {
        "empty file": b"",
        "no picture": b"hello",
        "3.6 gigapixels": huge,
        "PNG cut off": huge.replace(size, struct.pack(">II", 60, 60)),
        "JPEG of one byte": b"\xff\xd8\xff",
    }
    samples = [
        Sample(name, {"inputs": [_b64(data)]}, [400])
        for name, data in files.items()
    ]
    large = _b64(b"\0" * too_large)
    return samples + [
        Sample("no JSON", b"\xff\0{", [400]),
        Sample("JSON cut off", b'{"inputs": [{"b64": "iVBO', [400]),
        Sample("no base64", {"inputs": [{"b64": "?"}]}, [400]),
        Sample("no inputs", {}, [400]),
        Sample("a number", {"inputs": [7]}, [400]),
        Sample("no signature", {"signature_name": "x", "inputs": []}, [400]),
        # TensorFlow Serving reads it, and finds that it is no picture.
        Sample("large body", {"inputs": [large]}, [400, 413]),
        Sample("no version", {}, [404], path="/versions/999999:predict"),
    ]


def _b64(data: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(data).decode()}
