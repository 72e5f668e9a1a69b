"""Curves of optimizations as a test wants them."""

from fastnst.evaluation import curve_file


def of(objectives, photo="a.png", start="noise", end="stopped"):
    """Two evaluations an iteration; a quarter of the objective is content."""
    return curve_file.Curve(
        8,
        photo,
        start,
        tuple(2 * i + 1 for i in range(len(objectives))),
        tuple(map(float, objectives)),
        tuple((0.25 * value, 0.5 * value, 0.125) for value in objectives),
        end,
    )
