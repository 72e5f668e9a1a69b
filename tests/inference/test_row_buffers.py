"""Rows come back as they were written, from memory or from a file."""

import numpy as np
import pytest
import tensorflow as tf

from fastnst.inference import row_buffers


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("memory_bytes", [0, 10**6])
def test_buffers_return_what_was_written(tmp_path, dtype, memory_bytes):
    buffers = row_buffers.RowBuffers(memory_bytes, str(tmp_path))
    for _ in range(3):
        buffer = buffers.lend(7, 5, 4, dtype)
        rows = tf.cast(tf.random.normal([7, 5, 4], seed=1), dtype).numpy()
        buffer.write(4, rows[4:])
        buffer.write(0, rows[:4])
        np.testing.assert_array_equal(buffer.read(2, 6), rows[2:6])
        assert buffer.read(2, 6).dtype == rows.dtype
        buffer.release()


def test_released_memory_is_lent_again():
    buffers = row_buffers.RowBuffers(1000)
    first = buffers.lend(10, 5, 4, "float32")
    assert isinstance(first, row_buffers.MemoryBuffer)
    second = buffers.lend(10, 5, 4, "float32")
    assert isinstance(second, row_buffers.FileBuffer)
    second.release()
    first.release()
    third = buffers.lend(10, 5, 4, "float32")
    assert isinstance(third, row_buffers.MemoryBuffer)
