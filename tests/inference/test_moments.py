"""Statistics gathered strip by strip are those of the whole."""

import numpy as np
import tensorflow as tf

from fastnst.inference import moments


def test_moments_do_not_cancel_where_the_mean_is_large():
    generator = np.random.default_rng(0)
    features = generator.normal(3000, 0.5, [1, 50, 40, 3]).astype(np.float32)
    features[:, :, :, 1] *= np.linspace(0.5, 1.5, 50)[None, :, None]
    found = moments.Moments()
    for begin, end in ((0, 7), (7, 8), (8, 50)):
        found.add(tf.constant(features[:, begin:end]))
    mean, variance = found.result()
    exact = features.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2)), rtol=1e-3)
