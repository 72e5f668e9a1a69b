"""Who may run, and which version is served; the rest is in tests/serving."""

import threading

import pytest

from fastnst.deployment import served_models


def test_the_gate_lets_some_run_some_wait_and_refuses_the_rest():
    gate = served_models.Gate(2, 3)
    leave = threading.Event()
    inside, most = [], []

    def request():
        with gate.turn():
            inside.append(1)
            most.append(len(inside))
            leave.wait(30)
            inside.pop()

    threads = [threading.Thread(target=request) for _ in range(5)]
    for thread in threads:
        thread.start()
    while gate._place._value:  # All five have their place.
        pass
    with pytest.raises(served_models.RequestError, match="Busy") as caught:
        with gate.turn():
            pass
    assert caught.value.code == "UNAVAILABLE"
    leave.set()
    for thread in threads:
        thread.join(30)
    assert len(most) == 5 and max(most) == 2
    with gate.turn():  # Places are given back.
        pass


def test_a_request_that_fails_gives_its_place_back():
    gate = served_models.Gate(1, 0)
    for _ in range(3):
        with pytest.raises(KeyError), gate.turn():
            raise KeyError


def test_the_newest_complete_version_is_found(tmp_path):
    for path in ("a/2", "a/10", "a/.11.partial", "b/1", "b/tflite", "c/1.old"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "saved_model.pb").touch()
    (tmp_path / "a" / "12").mkdir()
    assert served_models.find(tmp_path) == {
        "a": tmp_path / "a" / "10",
        "b": tmp_path / "b" / "1",
    }
    assert served_models.find(tmp_path / "nothing") == {}
