"""What TensorFlow could not do is said in one plain line."""

import pytest
import tensorflow as tf

from fastnst.training import failures


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "{{function_node __wrapped__SaveV2_dtypes_10_device_/job:localhost"
            "/device:CPU:0}} /w/ckpt-3; File too large [Op:SaveV2] name: ",
            "/w/ckpt-3; File too large.",
        ),
        (
            "No space left on device\n\t [[{{node IteratorGetNext}}]] [Op:X]",
            "No space left on device.",
        ),
        ("ValueError: no picture.\nTraceback (most recent call last):\n",
         "ValueError: no picture."),
        (
            "Graph execution error:\n\nDetected at node PyFunc defined at (most"
            " recent call last):\n  File \"/a.py\"\n<stack traces unavailable>"
            "\nError in user-defined function passed to MapDataset:2 "
            "transformation with iterator: Iterator::Root::Prefetch::Map: "
            "OSError: no picture\nTraceback (most recent call last):\n",
            "OSError: no picture.",
        ),
        ("", "DataLossError."),
    ],
)
def test_reason(message, expected):
    error = tf.errors.DataLossError(None, None, message)
    assert failures.reason(error) == expected
