// Calls functions of fastnst.image: requests from stdin, answers to stdout.

import fastnst.image.Area
import fastnst.image.Picture
import fastnst.image.WorkingSize
import fastnst.image.crop
import fastnst.image.fit
import fastnst.image.fromValues
import fastnst.image.mix
import fastnst.image.padByReflection
import fastnst.image.resize
import fastnst.image.styleBlend
import fastnst.image.stylize
import fastnst.image.toValues
import java.io.DataInputStream
import java.io.DataOutputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder

fun main() {
    val requests = DataInputStream(System.`in`.buffered())
    val answers = DataOutputStream(System.out)
    while (true) {
        val words = requests.readUTF().split(" ")
        if (words[0] == "stop") return
        val input = ByteArray(requests.readInt()).also(requests::readFully)
        val answer = call(words[0], words.drop(1).map { it.toInt() }, input)
        answers.writeInt(answer.size)
        answers.write(answer)
        answers.flush()
    }
}

/** The first two numbers are width and height of the pictures in `input`. */
private fun call(name: String, n: List<Int>, input: ByteArray): ByteArray {
    fun picture() = Picture(n[0], n[1], input)
    return when (name) {
        "fit" -> fit(n[0], n[1], n[2], n[3]).let {
            "${it.left} ${it.top} ${it.width} ${it.height}".toByteArray()
        }
        "resize" -> resize(picture(), n[2], n[3]).rgba
        "pad" -> padByReflection(picture(), n[2], n[3], n[4], n[5]).rgba
        "crop" -> crop(picture(), Area(n[2], n[3], n[4], n[5])).rgba
        "toValues" -> bytes(toValues(picture()))
        "fromValues" -> fromValues(floats(input), n[0], n[1]).rgba
        "mix" -> {
            val half = input.size / 2
            val first = Picture(n[0], n[1], input.copyOfRange(0, half))
            val second = Picture(n[0], n[1], input.copyOfRange(half, 2 * half))
            mix(first, second, n[2] / 100f).rgba
        }
        "styleBlend" -> bytes(styleBlend(n))
        "stylizeInverted" ->
            stylize(
                picture(),
                WorkingSize(n[2], n[3]),
                floatArrayOf(0.25f, 0.75f),
                n[4] / 100f,
            ) { image, blend ->
                FloatArray(image.size) { 255 - blend.sum() * image[it] }
            }.let { "${it.width} ${it.height} ".toByteArray() + it.rgba }
        else -> throw IllegalArgumentException(name)
    }
}

private fun bytes(values: FloatArray): ByteArray =
    ByteBuffer.allocate(values.size * 4)
        .order(ByteOrder.LITTLE_ENDIAN)
        .apply { asFloatBuffer().put(values) }
        .array()

private fun floats(bytes: ByteArray): FloatArray =
    FloatArray(bytes.size / 4).also {
        ByteBuffer.wrap(bytes)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer()
            .get(it)
    }
