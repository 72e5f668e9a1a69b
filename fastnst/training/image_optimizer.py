"""The slow baseline: an image optimized directly (Gatys et al. 2015).

The transform network is an approximation of what this computes: the paper
compares the two in Figure 5 and Table 1, and shows with the same method what
the layers of the loss network keep of an image in Figures 3 and 4.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

from absl import logging
import numpy as np
import scipy.optimize
import tensorflow as tf

# float32 images (1, height, width, 3) to what is minimized, shape (1,), and
# its terms without weights, by name.
Objective = Callable[[tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor]]]

_WHITE = 255.0


class Iterate(NamedTuple):
    """The state of an optimization after an iteration.

    Attributes:
        iteration: Number of iterations done; 0 is the start.
        num_evaluations: How often the objective was computed so far.
        objective: Its value.
        terms: Its terms, without weights.
        image: float32, shape (1, height, width, 3), in [0, 255].
    """

    iteration: int
    num_evaluations: int
    objective: float
    terms: dict[str, float]
    image: np.ndarray


class ImageOptimizer:
    """Minimizes an objective over the pixels of one image by L-BFGS.

    Differs from the paper: pixels stay in [0, 255] by the box constraints of
    L-BFGS-B (Byrd et al. 1995); the paper clips them after each iteration.

    The objective is traced once for each size of image: to optimize many
    images of one size, let it read its target from a `tf.Variable`.

    Args:
        objective: What to minimize.
    """

    def __init__(self, objective: Objective):
        self._objective = objective
        self._evaluated = tf.function(self._value_and_gradient)

    def run(
        self,
        start_image: np.ndarray,
        *,
        num_iterations: int,
        callback: Callable[[Iterate], None] | None = None,
    ) -> Iterate:
        """Optimizes an image.

        Args:
            start_image: float, shape (1, height, width, 3), in [0, 255].
            num_iterations: The most iterations; it ends sooner if the
                objective cannot be lowered any more.
            callback: Called with the start and after every iteration; raises
                StopIteration to end the run.

        Returns:
            The best iterate.

        Raises:
            ValueError: If the image is not as above, or the objective becomes
                infinite or not a number.
        """
        _check_image(start_image)
        run = _Run(self._evaluated, start_image.shape, num_iterations)
        best: Iterate | None = None

        def on_iterate(iterate: Iterate) -> None:
            nonlocal best
            if best is None or iterate.objective < best.objective:
                best = iterate
            if callback is not None:
                callback(iterate)

        try:
            run.minimize(start_image, on_iterate)
        except StopIteration:
            pass
        assert best is not None
        return best

    def _value_and_gradient(self, image: tf.Tensor):
        with tf.GradientTape() as tape:
            tape.watch(image)
            total, terms = self._objective(image)
        return total[0], tape.gradient(total, image), terms


class _Run:
    """One minimization: counts across the restarts of SciPy's L-BFGS-B."""

    def __init__(self, evaluated, shape: tuple[int, ...], num_iterations: int):
        self._evaluated = evaluated
        self._shape = shape
        self._num_iterations = num_iterations
        self._iteration = 0
        self._num_evaluations = 0
        self._terms: dict[str, float] = {}
        # The last point that was computed, and what came of it.
        self._point = np.array([])
        self._result: tuple[float, np.ndarray] = (np.inf, self._point)
        self._stopped = False

    def minimize(
        self, start_image: np.ndarray, on_iterate: Callable[[Iterate], None]
    ) -> None:
        pixels = np.asarray(start_image, np.float64).reshape(-1)
        value, _ = self._evaluate(pixels)
        on_iterate(self._iterate(pixels, value))

        def on_iteration(intermediate_result) -> None:
            self._iteration += 1
            try:
                on_iterate(
                    self._iterate(
                        intermediate_result.x, intermediate_result.fun
                    )
                )
            except StopIteration:
                # SciPy ends on it too, but does not tell why it ended.
                self._stopped = True
                raise

        while self._iteration < self._num_iterations and not self._stopped:
            result = self._minimize_once(pixels, on_iteration)
            # An abnormal line search, or a step that changes nothing in
            # float32, may be the fault of old curvature: begin afresh, unless
            # that did not help the last time.
            if not result.fun < value:
                break
            if self._iteration < self._num_iterations:
                logging.debug("restart of L-BFGS: %s", result.message)
            self._point = np.array([])
            pixels, value = result.x, result.fun

    def _minimize_once(self, pixels: np.ndarray, on_iteration):
        return scipy.optimize.minimize(
            self._evaluate,
            pixels,
            method="L-BFGS-B",
            jac=True,
            bounds=scipy.optimize.Bounds(0.0, _WHITE),
            callback=on_iteration,
            options={
                "maxiter": self._num_iterations - self._iteration,
                "maxfun": np.iinfo(np.int32).max,
                "ftol": 0.0,
                "gtol": 0.0,
            },
        )

    def _evaluate(self, pixels: np.ndarray) -> tuple[float, np.ndarray]:
        # SciPy asks for the start, which is known already.
        if np.array_equal(pixels, self._point):
            return self._result
        image = pixels.reshape(self._shape).astype(np.float32)
        value, gradient, terms = self._evaluated(tf.constant(image))
        self._num_evaluations += 1
        self._terms = {name: float(term[0]) for name, term in terms.items()}
        if not np.isfinite(value):
            raise ValueError(
                "The objective must be finite. Received: "
                f"{float(value)} at evaluation {self._num_evaluations}, terms "
                f"{self._terms}."
            )
        gradient = gradient.numpy().astype(np.float64).reshape(-1)
        self._point, self._result = pixels.copy(), (float(value), gradient)
        return self._result

    def _iterate(self, pixels: np.ndarray, value: float) -> Iterate:
        # The last evaluation of a line search is the point it accepts, so the
        # terms are those of this image.
        return Iterate(
            self._iteration,
            self._num_evaluations,
            float(value),
            self._terms,
            pixels.reshape(self._shape).astype(np.float32),
        )


def white_noise(
    shape: Sequence[int], *, contrast: float = 1.0, seed: int = 0
) -> np.ndarray:
    """Draws an image to start from.

    Args:
        shape: (1, height, width, 3).
        contrast: 1 for values in [0, 255], less for values nearer to grey.
            The loss network hardly sees the finest grain, so strong noise
            stays visible for hundreds of iterations.
        seed: Of the noise.

    Returns:
        float32, uniformly distributed about 127.5.
    """
    generator = np.random.default_rng(seed)
    noise = generator.uniform(-1.0, 1.0, shape)
    return (_WHITE / 2 * (1.0 + contrast * noise)).astype(np.float32)


def _check_image(image: np.ndarray) -> None:
    shape = np.shape(image)
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise ValueError(
            "`start_image` must have shape (1, height, width, 3). "
            f"Received: shape {shape}."
        )
    if not (np.min(image) >= 0.0 and np.max(image) <= _WHITE):
        raise ValueError(
            "`start_image` must be in [0, 255]. Received: values from "
            f"{np.min(image)} to {np.max(image)}."
        )
