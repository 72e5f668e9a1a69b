package fastnst.image

import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import kotlin.math.roundToInt

/** Pixels in rows, four bytes each: red, green, blue and alpha, 0 to 255. */
class Picture(val width: Int, val height: Int, val rgba: ByteArray) {
    init {
        require(width > 0 && height > 0 && rgba.size == width * height * 4) {
            "`rgba` must hold width * height * 4 bytes. " +
                "Received: ${rgba.size} for $width x $height."
        }
    }

    constructor(width: Int, height: Int) :
        this(width, height, ByteArray(width * height * 4))
}

/** A part of a picture. */
data class Area(val left: Int, val top: Int, val width: Int, val height: Int)

/** Says where a picture goes in a frame: aspect kept, in the middle. */
fun fit(width: Int, height: Int, frameWidth: Int, frameHeight: Int): Area {
    val scale =
        min(frameWidth / width.toDouble(), frameHeight / height.toDouble())
    val fittedWidth = (width * scale).roundToInt().coerceIn(1, frameWidth)
    val fittedHeight = (height * scale).roundToInt().coerceIn(1, frameHeight)
    return Area(
        (frameWidth - fittedWidth) / 2,
        (frameHeight - fittedHeight) / 2,
        fittedWidth,
        fittedHeight,
    )
}

/**
 * Resizes a picture with a triangle filter as wide as a step of the result, so
 * that fine patterns are averaged (Pillow's BILINEAR). Android's own resizing
 * takes four pixels however many there are.
 */
fun resize(picture: Picture, width: Int, height: Int): Picture {
    if (width == picture.width && height == picture.height) return picture
    val across = filterTaps(picture.width, width)
    val down = filterTaps(picture.height, height)
    val source = picture.rgba
    val narrow = FloatArray(width * picture.height * 4)
    for (y in 0 until picture.height) {
        for (x in 0 until width) {
            val target = (y * width + x) * 4
            across[x].forEach { pixel, weight ->
                val from = (y * picture.width + pixel) * 4
                for (channel in 0..3) {
                    narrow[target + channel] +=
                        weight * source.unsigned(from + channel)
                }
            }
        }
    }
    val result = Picture(width, height)
    val sums = FloatArray(width * 4)
    for (y in 0 until height) {
        sums.fill(0f)
        down[y].forEach { row, weight ->
            for (i in sums.indices) {
                sums[i] += weight * narrow[row * width * 4 + i]
            }
        }
        for (i in sums.indices) result.rgba[y * width * 4 + i] = byte(sums[i])
    }
    return result
}

/** Puts a picture into a larger frame, its mirror images around it. */
fun padByReflection(
    picture: Picture,
    frameWidth: Int,
    frameHeight: Int,
    left: Int,
    top: Int,
): Picture {
    val result = Picture(frameWidth, frameHeight)
    for (y in 0 until frameHeight) {
        val row = reflect(y - top, picture.height) * picture.width
        for (x in 0 until frameWidth) {
            val from = (row + reflect(x - left, picture.width)) * 4
            val to = (y * frameWidth + x) * 4
            picture.rgba.copyInto(result.rgba, to, from, from + 4)
        }
    }
    return result
}

/** Cuts an area out of a picture. */
fun crop(picture: Picture, area: Area): Picture {
    val result = Picture(area.width, area.height)
    for (y in 0 until area.height) {
        val from = ((area.top + y) * picture.width + area.left) * 4
        val to = y * area.width * 4
        picture.rgba.copyInto(result.rgba, to, from, from + area.width * 4)
    }
    return result
}

/** Returns what a network takes: RGB in rows of pixels, 0 to 255. */
fun toValues(picture: Picture): FloatArray {
    val values = FloatArray(picture.width * picture.height * 3)
    for (pixel in 0 until picture.width * picture.height) {
        for (channel in 0..2) {
            values[pixel * 3 + channel] =
                picture.rgba.unsigned(pixel * 4 + channel)
        }
    }
    return values
}

/** Makes an opaque picture of what a network returned, rounded, clipped. */
fun fromValues(values: FloatArray, width: Int, height: Int): Picture {
    val result = Picture(width, height)
    for (pixel in 0 until width * height) {
        for (channel in 0..2) {
            result.rgba[pixel * 4 + channel] =
                byte(values[pixel * 3 + channel])
        }
        result.rgba[pixel * 4 + 3] = byte(255f)
    }
    return result
}

/** Mixes two pictures of one size; share 0 is the first, 1 the second. */
fun mix(first: Picture, second: Picture, share: Float): Picture {
    val result = Picture(first.width, first.height)
    for (i in result.rgba.indices) {
        result.rgba[i] =
            byte(
                first.rgba.unsigned(i) * (1 - share) +
                    second.rgba.unsigned(i) * share
            )
    }
    return result
}

private fun ByteArray.unsigned(index: Int): Float =
    (this[index].toInt() and 255).toFloat()

private fun byte(value: Float): Byte =
    floor(value + 0.5f).toInt().coerceIn(0, 255).toByte()

/** Index of the pixel that a mirror at the edges shows: 2 1 | 0 1 2 | 1 0. */
private fun reflect(index: Int, size: Int): Int {
    if (size == 1) return 0
    val phase = index.mod(2 * (size - 1))
    return min(phase, 2 * (size - 1) - phase)
}

/** The pixels, from `first` on, that a pixel of a resized line is made of. */
private class Taps(val first: Int, val weights: FloatArray) {
    inline fun forEach(action: (pixel: Int, weight: Float) -> Unit) {
        for (i in weights.indices) action(first + i, weights[i])
    }
}

private fun filterTaps(from: Int, to: Int): List<Taps> {
    val scale = from / to.toDouble()
    val reach = max(scale, 1.0)
    return List(to) { index ->
        val center = (index + 0.5) * scale
        val first = max(floor(center - reach + 0.5).toInt(), 0)
        val end = min(floor(center + reach + 0.5).toInt(), from)
        val weights =
            (first until end).map {
                max(1 - abs(it + 0.5 - center) / reach, 0.0)
            }
        val sum = weights.sum()
        Taps(first, FloatArray(weights.size) { (weights[it] / sum).toFloat() })
    }
}
