package fastnst.image

/** A network: pixel values and style blend to pixel values of one size. */
typealias Transform = (image: FloatArray, styleBlend: FloatArray) -> FloatArray

/** The size of the pictures that a network takes. */
data class WorkingSize(val width: Int, val height: Int)

/**
 * Stylizes a picture of any size with a network of one size: fitted into that
 * size, filled up with its mirror image, and the result cut out again.
 *
 * @param styleBlend One share per style; see [styleBlend].
 * @param strength 0 is the picture, 1 the style.
 */
fun stylize(
    photo: Picture,
    size: WorkingSize,
    styleBlend: FloatArray,
    strength: Float,
    transform: Transform,
): Picture {
    val area = fit(photo.width, photo.height, size.width, size.height)
    val small = resize(photo, area.width, area.height)
    val framed =
        padByReflection(small, size.width, size.height, area.left, area.top)
    val values = transform(toValues(framed), styleBlend)
    val whole = fromValues(values, size.width, size.height)
    return mix(small, crop(whole, area), strength)
}

/**
 * Scales the positions of sliders so that they sum to 1. With all of them at 0
 * it is the first style, as in the SavedModel.
 */
fun styleBlend(positions: List<Int>): FloatArray {
    val sum = positions.sum()
    if (sum == 0) return FloatArray(positions.size) { if (it == 0) 1f else 0f }
    return FloatArray(positions.size) { positions[it] / sum.toFloat() }
}
