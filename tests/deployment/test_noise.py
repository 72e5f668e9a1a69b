import os

import pytest

from fastnst.deployment import noise


def test_what_cpp_writes_is_kept_from_the_screen(capfd):
    os.write(2, b"before\n")
    with pytest.raises(RuntimeError):
        with noise.silenced_stderr():
            os.write(2, b"inside\n")
            raise RuntimeError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"
