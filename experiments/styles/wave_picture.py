"""The `wave`: a breaking sea in the manner of an ukiyo-e print."""

from PIL import Image
import brushwork
import numpy as np

WIDTH, HEIGHT = 768, 576
INK = (17, 26, 52)
PRUSSIAN = (19, 47, 97)
BLUE = (45, 92, 143)
SKY_BLUE = (126, 165, 186)
PALE = (190, 207, 205)
CREAM = (243, 233, 207)
VERMILION = (196, 74, 48)

# A breaking wave one unit high, tip to the right, y up. The back runs from the
# left foot over the crest to the tip, the face from the right foot to the tip.
BACK = (
    (-1.5, -0.5), (-1.15, -0.12), (-0.8, 0.18), (-0.46, 0.55), (-0.18, 0.85),
    (0.1, 1.0), (0.38, 0.98), (0.58, 0.84), (0.66, 0.64),
)  # fmt: skip
FACE = (
    (1.6, -0.5), (1.2, -0.22), (0.75, -0.14), (0.4, -0.04), (0.14, 0.14),
    (0.03, 0.36), (0.08, 0.58), (0.24, 0.72), (0.44, 0.74), (0.66, 0.64),
)  # fmt: skip


def draw(size_factor: float = 1.0, seed: int = 1831) -> Image.Image:
    """Draws the picture, `size_factor` times its full size."""
    rng = np.random.default_rng(seed)
    canvas = brushwork.Canvas(
        round(WIDTH * size_factor),
        round(HEIGHT * size_factor),
        CREAM,
        unit=size_factor,
    )
    _sky(canvas, rng)
    _swell(canvas, rng)
    for x, y, height, flip in (
        (640, 452, 60, 1), (430, 462, 52, -1), (270, 470, 44, 1),
        (745, 500, 92, -1), (540, 528, 78, 1), (395, 520, 60, -1),
        (225, 520, 430, 1),
        (590, 640, 150, -1), (300, 660, 120, 1), (30, 650, 150, 1),
        (745, 690, 130, -1), (470, 700, 90, 1), (170, 706, 80, -1),
    ):  # fmt: skip
        _wave(canvas, rng, (x, y), height, flip)
    _print_texture(canvas, rng)
    return canvas.finish()


def _sky(canvas, rng) -> None:
    for i in range(HEIGHT):
        share = np.clip(1 - i / 210, 0, 1) ** 1.5
        color = brushwork.mix(CREAM, (137, 158, 164), share)
        canvas.fill(
            [(0, i), (WIDTH, i), (WIDTH, i + 1.5), (0, i + 1.5)], color
        )
    canvas.disc((634, 150), 61, INK)
    canvas.disc((634, 150), 59, VERMILION)
    bands = (
        (90, 36, 420), (700, 30, 300), (60, 120, 260), (520, 92, 330),
        (690, 138, 300), (560, 196, 380), (640, 246, 420), (350, 292, 240),
        (690, 352, 300), (400, 386, 330),
    )  # fmt: skip
    for x, y, length in bands:
        _cloud(canvas, rng, x, y, length)
    for _ in range(22):
        x, y = rng.uniform(430, 750), rng.uniform(268, 380)
        _bird(canvas, rng, x, y, rng.uniform(5, 11))


def _cloud(canvas, rng, x, y, length) -> None:
    """A band of mist with rounded ends, lines inside."""
    for row in range(3):
        half = length * rng.uniform(0.3, 0.5)
        left = x + rng.uniform(-0.15, 0.15) * length - half
        points = [(left, y + row * 11), (left + 2 * half, y + row * 11)]
        mist = brushwork.mix(PALE, CREAM, 0.6)
        for width, color in ((15, INK), (12.6, mist)):
            canvas.line(points, width, color)
            for end in points:
                canvas.disc(end, width / 2, color)
        for step in range(2):
            inset = rng.uniform(6, 60)
            level = y + row * 11 - 2 + 4 * step
            canvas.line(
                [(left + inset, level), (left + 2 * half - inset, level)],
                1.1,
                SKY_BLUE,
            )


def _bird(canvas, rng, x, y, size) -> None:
    lift = rng.uniform(0.3, 0.7) * size
    for side in (-1, 1):
        wing = brushwork.curve(
            [(x, y), (x + side * size / 2, y - lift), (x + side * size, y)],
            12,
        )
        canvas.stroke(wing, np.linspace(3.2, 0.6, 12), INK)


def _wave(canvas, rng, origin, height, flip) -> None:
    """One wave: body, stripes that follow it, outline, foam and spray."""

    def place(points):
        points = np.asarray(points)
        return points * [flip * height, -height] + origin

    back = brushwork.curve(place(BACK), 120)
    face = brushwork.curve(place(FACE), 120)
    detail = np.clip(height / 160, 0.45, 1.6)
    canvas.fill(np.vstack([back, face[::-1]]), PRUSSIAN)
    _stripes(canvas, rng, back, face, height)
    for edge in (back, face):
        canvas.line(edge, 1.6 * detail + 0.6, INK)
    _foam_edge(canvas, rng, back, face, detail * 0.95, flip)


def _swell(canvas, rng) -> None:
    """The open sea behind the waves: rows of long low ridges."""
    x = np.linspace(-10, WIDTH + 10, 160)
    colors = (SKY_BLUE, PRUSSIAN, BLUE, PALE, PRUSSIAN, SKY_BLUE, BLUE)
    for row in range(22):
        level = 436 + 4.2 * row + 0.13 * row**2
        size = 3 + 0.5 * row
        phase = rng.uniform(0, 2 * np.pi)
        ridge = np.abs(np.sin(x / (11 + 1.6 * row) + phase)) ** 0.7
        ridge = level - size * ridge + 3 * np.sin(x / 90 + row)
        points = np.stack([x, ridge], 1)
        floor = [(WIDTH + 10, HEIGHT), (-10, HEIGHT)]
        color = brushwork.vary(rng, colors[row % 7], 5)
        canvas.fill([*points, *floor], color)
        canvas.line(points, 1.1 + row / 20, INK)


def _stripes(canvas, rng, back, face, height) -> None:
    """Bands between back and face, which meet at the tip of the wave."""
    count = int(np.clip(height / 11, 7, 26))
    edges = np.linspace(0.05, 0.97, count + 1)
    for i, (low, high) in enumerate(zip(edges, edges[1:])):
        color = (PALE, BLUE, SKY_BLUE, PRUSSIAN, CREAM, BLUE)[i % 6]
        start = int(rng.integers(0, 30))
        end = int(rng.integers(88, 117))
        middle = low + (high - low) * 0.5
        spine = (1 - middle) * back[start:end] + middle * face[start:end]
        gap = (high - low) * np.hypot(*(back - face)[start:end].T)
        share = rng.uniform(0.35, 0.7) if i % 6 != 3 else 0.2
        taper = np.minimum(1, np.linspace(0, 9, len(gap)))
        taper = np.minimum(taper, np.linspace(5, 0, len(gap)))
        widths = np.minimum(gap * share, 0.07 * height + 4) * taper
        canvas.stroke(spine, widths + 0.5, brushwork.vary(rng, color, 5))
        rim = spine + brushwork.normals(spine) * (widths[:, None] / 2 + 0.6)
        canvas.line(rim, 0.7 + height / 500, INK)


def _foam_edge(canvas, rng, back, face, detail, flip) -> None:
    """Foam with claws along the crest and under the lip, then spray."""
    crest = brushwork.resample(back[48:], 200)
    lip = brushwork.resample(face[84:][::-1], 70)
    claws, roots = [], []
    for line, spacing, length, forward in (
        (crest, 11.0, 40.0, 1.0), (lip, 12.0, 27.0, -0.45),
    ):  # fmt: skip
        way = np.gradient(line, axis=0)
        way /= np.hypot(way[:, :1], way[:, 1:])
        outward = -brushwork.normals(line) * flip
        count = int(np.hypot(*np.diff(line, axis=0).T).sum())
        count = max(4, int(count / (spacing * detail)))
        for at in np.linspace(0, len(line) - 1, count).astype(int):
            # The nearer the tip of the wave, the longer the claws.
            near_tip = at / len(line) if forward > 0 else 1 - at / len(line)
            lean = forward * (0.2 + 0.7 * near_tip)
            direction = outward[at] + way[at] * lean
            angle = np.arctan2(direction[1], direction[0])
            size = length * detail * rng.uniform(0.6, 1.2)
            size *= 0.4 + 0.6 * min(1.0, near_tip * 1.8)
            bend = flip * rng.uniform(0.9, 1.7)
            angle += rng.normal(-0.3 * flip, 0.16)
            claws.append(_claw(rng, line[at], angle, size, bend, 2))
            roots.append((line[at], size * 0.27 + 1.5 * detail))
    _foam(canvas, claws, roots, detail)
    _foam_shadows(canvas, rng, roots, detail)
    _spray(canvas, rng, crest, -brushwork.normals(crest) * flip, detail)


def _foam(canvas, claws, roots, detail) -> None:
    """Claw over claw, each outlined, on a common body of foam."""
    for center, radius in roots:
        canvas.disc(center, radius + 1.1 * detail, INK)
    for claw in claws:
        for part in claw:
            canvas.line([*part, part[0], part[1]], 2.0 * detail + 0.7, INK)
        for part in claw:
            canvas.fill(part, CREAM)
    for center, radius in roots:
        canvas.disc(center, radius, CREAM)


def _claw(rng, root, angle, length, bend, depth) -> list[np.ndarray]:
    """A hooked finger of foam that ends in smaller ones."""
    num = 12
    turn = angle + bend * np.linspace(0, 1, num) ** 1.3
    step = np.stack([np.cos(turn), np.sin(turn)], 1) * length / num
    spine = np.asarray(root) + np.cumsum(step, axis=0) - step[0]
    widths = length * 0.36 * (1 - np.linspace(0, 1, num) ** 1.6) + 0.3
    shapes = [brushwork.ribbon(spine, widths)]
    if depth:
        for at, side in ((4, -0.9), (7, 0.75), (8, -0.6)):
            shapes += _claw(
                rng,
                spine[at],
                turn[at] + side + rng.normal(0, 0.15),
                length * rng.uniform(0.38, 0.52),
                bend * (1.2 if side < 0 else 0.7),
                depth - 1 if length > 16 else 0,
            )
    return shapes


def _foam_shadows(canvas, rng, roots, detail) -> None:
    """Short pale blue arcs that give the foam a body."""
    for center, radius in roots:
        for _ in range(2):
            angle = rng.uniform(0, 2 * np.pi)
            turn = angle + np.linspace(0, 1.5, 8)
            arc = np.stack([np.cos(turn), np.sin(turn)], 1)
            arc = arc * radius * rng.uniform(0.35, 0.95) + center
            color = SKY_BLUE if rng.uniform() < 0.7 else BLUE
            canvas.stroke(arc, np.linspace(1.8, 0.4, 8) * detail + 0.4, color)


def _spray(canvas, rng, crest, outward, detail) -> None:
    """Drops thrown off the crest, larger near it."""
    for _ in range(int(150 * detail)):
        at = int(rng.integers(70, len(crest)))
        distance = rng.exponential(26) * detail + 18 * detail
        side = rng.normal(0, 9, 2) * detail
        center = crest[at] + outward[at] * distance + side
        radius = rng.uniform(0.8, 3.0) * detail / (1 + distance / 90)
        canvas.disc(center, radius + 0.9, INK)
        canvas.disc(center, radius + 0.1, CREAM)


def _print_texture(canvas, rng) -> None:
    """Wood grain of the block and fibers of the paper, over everything."""
    pixels = canvas.pixels()
    height, width = pixels.shape[:2]
    scale = canvas.scale
    y, x = np.mgrid[:height, :width].astype(np.float32) / scale
    shape = height, width
    warp = brushwork.smooth_noise(rng, shape, (46 * scale, 260 * scale))
    knot = np.hypot((x - 470) / 2.4, y - 330)
    rings = y + 13 * warp + 26 * np.exp(-((knot / 90) ** 2)) * np.sign(y - 330)
    grain = np.sin(rings * 2 * np.pi / 6.5) + 0.6 * np.sin(rings * 2.1)
    fibers = brushwork.smooth_noise(rng, shape, (1.2 * scale, 26 * scale))
    speckle = brushwork.smooth_noise(rng, shape, 1.6 * scale)
    light = pixels.mean(-1, keepdims=True) / 255
    strength = 0.35 + 0.65 * light
    texture = 11.0 * grain + 5.0 * fibers + 3.5 * speckle
    # Ink takes unevenly: the sky shows the block, the dark blue the paper.
    pixels += texture[..., None] * strength * np.array([1.0, 0.95, 0.75])
    canvas.replace(pixels)
