import keras
import numpy as np
import pytest

from fastnst.training import learning_rate


def _rates(schedule, steps):
    return np.array([float(schedule(step)) for step in steps])


def test_warm_up_grows_by_a_hundredth_each_step():
    # So long a training that the cosine has not moved yet.
    schedule = learning_rate.schedule("cosine", 1e-3, [256], [10**8])
    np.testing.assert_allclose(
        _rates(schedule, [0, 49, 98, 99, 100, 500]),
        1e-3 * np.array([0.01, 0.5, 0.99, 1, 1, 1]),
        rtol=1e-5,
    )


def test_cosine_of_one_stage():
    schedule = learning_rate.schedule("cosine", 2e-3, [256], [4000])
    # Whole, three quarters, half, quarter (cosine of 60, 90, 120 degrees), end.
    lowest = 0.02
    shares = np.array([1, 0.75, 0.5, 0.25, 0])
    expected = 2e-3 * (lowest + (1 - lowest) * shares)
    steps = [0, 4000 / 3, 2000, 8000 / 3, 4000]
    rates = _rates(schedule, steps[1:])
    np.testing.assert_allclose(rates, expected[1:], rtol=1e-5)
    # After the end it stays.
    np.testing.assert_allclose(float(schedule(9000)), 4e-5, rtol=1e-5)


def test_stages_count_by_their_cost():
    # 8000 steps of a quarter of the cost are 2000 of the whole.
    schedule = learning_rate.schedule("cosine", 1.0, [128, 256], [8000, 2000])
    plain = learning_rate.schedule("cosine", 1.0, [256], [4000])
    np.testing.assert_allclose(
        _rates(schedule, [4000, 8000, 9000, 10000]),
        _rates(plain, [1000, 2000, 3000, 4000]),
        rtol=1e-5,
    )
    np.testing.assert_allclose(float(schedule(8000)), 0.51, rtol=1e-5)


def test_it_never_rises_after_the_warm_up():
    schedule = learning_rate.schedule(
        "cosine", 1.0, [64, 256, 128], [300, 20, 80]
    )
    rates = _rates(schedule, range(100, 410))
    assert np.all(np.diff(rates) <= 0) and np.isclose(rates[-1], 0.02)


def test_constant_is_constant():
    assert learning_rate.schedule("constant", 3e-4, [256], [10]) == 3e-4


def test_an_optimizer_takes_it():
    schedule = learning_rate.schedule("cosine", 1.0, [8], [1000])
    variable = keras.Variable([0.0])
    optimizer = keras.optimizers.SGD(schedule)
    for _ in range(3):
        optimizer.apply([keras.ops.ones([1])], [variable])
    # Warm-up: 1 %, 2 % and 3 %, before the cosine has moved.
    np.testing.assert_allclose(variable.value, [-0.06], rtol=1e-4)


def test_configuration_round_trip():
    schedule = learning_rate.schedule("cosine", 1.0, [64, 128], [300, 200])
    copy = learning_rate.CosineOverStages(**schedule.get_config())
    steps = [5, 320]
    np.testing.assert_array_equal(_rates(copy, steps), _rates(schedule, steps))


def test_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="constant, cosine.*'linear'"):
        learning_rate.schedule("linear", 1e-3, [256], [10])
