package fastnst.app

import android.content.res.AssetManager
import android.util.Log
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.CompiledModel.GpuOptions
import com.google.ai.edge.litert.LiteRtException
import fastnst.image.WorkingSize
import org.json.JSONObject

/**
 * The exported network among the app's assets, compiled for `accelerator`.
 *
 * It belongs to the thread that made it.
 */
class Network
private constructor(assets: AssetManager, val accelerator: Accelerator) :
    AutoCloseable {
    val styleNames: List<String>
    val size: WorkingSize

    private val model =
        CompiledModel.create(assets, "network.tflite", options(accelerator))
    private val inputs = mutableMapOf(IMAGE to input(IMAGE))
    private val outputs =
        mapOf(RESULT to model.createOutputBuffer(RESULT, SIGNATURE))

    init {
        val text = assets.open("contract.json").reader().readText()
        val names = JSONObject(text).getJSONArray("style_names")
        styleNames = List(names.length()) { names.getString(it) }
        require(styleNames.isNotEmpty()) { "It transfers no style." }
        if (styleNames.size > 1) inputs[BLEND] = input(BLEND)
        val shape = model.getInputTensorType(IMAGE, SIGNATURE).layout!!
        val (_, height, width) = shape.dimensions
        size = WorkingSize(width, height)
    }

    /** Runs the network; `styleBlend` has one share per style. */
    fun transform(image: FloatArray, styleBlend: FloatArray): FloatArray {
        inputs.getValue(IMAGE).writeFloat(image)
        inputs[BLEND]?.writeFloat(styleBlend)
        model.run(inputs, outputs, SIGNATURE)
        return outputs.getValue(RESULT).readFloat()
    }

    override fun close() {
        (inputs.values + outputs.values).forEach { it.close() }
        model.close()
    }

    private fun input(name: String) = model.createInputBuffer(name, SIGNATURE)

    companion object {
        /** Compiles the network, which takes seconds, and runs it once. */
        fun load(assets: AssetManager): Network =
            try {
                warm(Network(assets, Accelerator.GPU))
            } catch (error: LiteRtException) {
                Log.w("fastnst", "The GPU does not take the network", error)
                warm(Network(assets, Accelerator.CPU))
            }

        private fun warm(network: Network): Network {
            val (width, height) = network.size
            try {
                network.transform(
                    FloatArray(width * height * 3),
                    FloatArray(network.styleNames.size),
                )
            } catch (error: LiteRtException) {
                network.close()
                throw error
            }
            return network
        }

        // One accelerator at a time: asked for both, LiteRT says nothing when
        // it leaves the GPU alone.
        private fun options(accelerator: Accelerator) =
            CompiledModel.Options(accelerator).apply {
                // Half precision, the default, ends at 65,504, which the
                // squares in a normalization of features can exceed.
                gpuOptions = GpuOptions(precision = GpuOptions.Precision.FP32)
            }

        // Signature of the files that `python -m fastnst.export` writes.
        private const val SIGNATURE = "serving_default"
        private const val IMAGE = "image"
        private const val BLEND = "style_blend"
        private const val RESULT = "transformed"
    }
}
