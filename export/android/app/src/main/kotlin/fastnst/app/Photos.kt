package fastnst.app

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.ImageDecoder
import android.net.Uri
import fastnst.image.Picture
import java.nio.ByteBuffer
import kotlin.math.max

private const val LARGEST_SIDE = 2048

/** Reads a photo, upright, on white where it is transparent. */
fun readPhoto(resolver: ContentResolver, uri: Uri): Picture {
    val source = ImageDecoder.createSource(resolver, uri)
    val decoded =
        ImageDecoder.decodeBitmap(source) { decoder, info, _ ->
            decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
            val side = max(info.size.width, info.size.height)
            decoder.setTargetSampleSize(max(side / LARGEST_SIDE, 1))
        }
    val bitmap =
        Bitmap.createBitmap(
            decoded.width,
            decoded.height,
            Bitmap.Config.ARGB_8888,
        )
    Canvas(bitmap).apply {
        drawColor(Color.WHITE)
        drawBitmap(decoded, 0f, 0f, null)
    }
    return toPicture(bitmap)
}

/** Takes the pixels of an ARGB_8888 bitmap, whose bytes are R, G, B, A. */
fun toPicture(bitmap: Bitmap): Picture {
    val picture = Picture(bitmap.width, bitmap.height)
    bitmap.copyPixelsToBuffer(ByteBuffer.wrap(picture.rgba))
    return picture
}

fun toBitmap(picture: Picture): Bitmap =
    Bitmap.createBitmap(
            picture.width,
            picture.height,
            Bitmap.Config.ARGB_8888,
        )
        .apply { copyPixelsFromBuffer(ByteBuffer.wrap(picture.rgba)) }
