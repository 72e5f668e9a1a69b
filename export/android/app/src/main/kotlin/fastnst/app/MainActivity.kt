package fastnst.app

import android.Manifest
import android.content.res.Configuration
import android.net.Uri
import android.os.Bundle
import android.os.PowerManager
import android.os.SystemClock
import android.util.Log
import android.view.View
import android.view.ViewGroup
import android.widget.ImageView
import android.widget.SeekBar
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.lifecycle.ProcessCameraProvider
import fastnst.image.Picture
import fastnst.image.styleBlend
import fastnst.image.stylize
import java.util.concurrent.Executors

/** Stylizes what the camera sees, or a photo. */
class MainActivity : ComponentActivity() {
    // Network and pictures belong to this one thread; views to the main one.
    private val worker = Executors.newSingleThreadExecutor()
    private lateinit var network: Network
    private var shown: Picture? = null

    @Volatile private var styles = listOf(1)
    @Volatile private var strength = 1f
    private var camera: ProcessCameraProvider? = null

    private val status by lazy { findViewById<TextView>(R.id.status) }
    private val styleSliders by lazy { findViewById<ViewGroup>(R.id.styles) }

    private val askForCamera =
        registerForActivityResult(
            ActivityResultContracts.RequestPermission()
        ) { granted ->
            if (granted) startCamera() else status.setText(R.string.no_camera)
        }

    private val pickPhoto =
        registerForActivityResult(PickVisualMedia()) { uri ->
            if (uri != null) open(uri)
        }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        findViewById<View>(R.id.camera).setOnClickListener {
            if (camera != null) stopCamera()
            else askForCamera.launch(Manifest.permission.CAMERA)
        }
        findViewById<View>(R.id.photo).setOnClickListener {
            pickPhoto.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly))
        }
        onMove(findViewById(R.id.strength)) { strength = it / 100f }
        status.setText(R.string.compiling)
        work {
            network = Network.load(assets)
            runOnUiThread { showNetwork() }
        }
    }

    override fun onConfigurationChanged(newConfig: Configuration) {
        super.onConfigurationChanged(newConfig)
        // Bound anew, the camera knows how the phone is held.
        if (camera != null) {
            stopCamera()
            startCamera()
        }
    }

    override fun onDestroy() {
        super.onDestroy()
        worker.execute { if (::network.isInitialized) network.close() }
        worker.shutdown()
    }

    private fun showNetwork() {
        status.text = network.accelerator.name
        findViewById<View>(R.id.controls).visibility = View.VISIBLE
        if (network.styleNames.size == 1) return
        val sliders =
            network.styleNames.map { name ->
                val row =
                    layoutInflater.inflate(R.layout.style, styleSliders, false)
                row.findViewById<TextView>(R.id.name).text = name
                styleSliders.addView(row)
                row.findViewById<SeekBar>(R.id.share)
            }
        sliders.first().progress = 100
        styles = sliders.map { it.progress }
        for (slider in sliders) {
            onMove(slider) { styles = sliders.map { it.progress } }
        }
    }

    /** Calls `action` as a slider moves, and redraws the photo after it. */
    private fun onMove(slider: SeekBar, action: (Int) -> Unit) {
        slider.setOnSeekBarChangeListener(
            object : SeekBar.OnSeekBarChangeListener {
                override fun onProgressChanged(
                    bar: SeekBar,
                    progress: Int,
                    byHand: Boolean,
                ) = action(progress)

                override fun onStartTrackingTouch(bar: SeekBar) = Unit

                override fun onStopTrackingTouch(bar: SeekBar) = work {
                    shown?.let(::show)
                }
            }
        )
    }

    private fun open(uri: Uri) {
        stopCamera()
        work { show(readPhoto(contentResolver, uri)) }
    }

    private fun startCamera() {
        val provider = ProcessCameraProvider.getInstance(this)
        provider.addListener(
            {
                val analysis =
                    ImageAnalysis.Builder()
                        .setOutputImageFormat(
                            ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888
                        )
                        .setOutputImageRotationEnabled(true)
                        .build()
                analysis.setAnalyzer(worker) { frame ->
                    reportErrors { frame.use(::showFrame) }
                }
                camera = provider.get()
                camera?.bindToLifecycle(
                    this,
                    CameraSelector.DEFAULT_BACK_CAMERA,
                    analysis,
                )
            },
            mainExecutor,
        )
    }

    private fun stopCamera() {
        camera?.unbindAll()
        camera = null
    }

    /** On the worker; CameraX drops the frames that come meanwhile. */
    private fun showFrame(frame: ImageProxy) {
        val heat = getSystemService(PowerManager::class.java)
        if (heat.currentThermalStatus >= PowerManager.THERMAL_STATUS_SEVERE) {
            runOnUiThread {
                stopCamera()
                status.setText(R.string.hot)
            }
            return
        }
        show(toPicture(frame.toBitmap()))
    }

    /** On the worker: stylizes a picture and shows it. */
    private fun show(picture: Picture) {
        shown = picture
        val start = SystemClock.elapsedRealtime()
        val stylized =
            stylize(
                picture,
                network.size,
                styleBlend(styles),
                strength,
                network::transform,
            )
        val time = SystemClock.elapsedRealtime() - start
        val bitmap = toBitmap(stylized)
        runOnUiThread {
            findViewById<ImageView>(R.id.picture).setImageBitmap(bitmap)
            status.text =
                getString(R.string.time, network.accelerator.name, time)
        }
    }

    private fun work(action: () -> Unit) =
        worker.execute { reportErrors(action) }

    private fun reportErrors(action: () -> Unit) {
        try {
            action()
        } catch (error: Exception) {
            Log.e("fastnst", "On the worker", error)
            runOnUiThread { status.text = error.toString() }
        }
    }
}
