plugins { id("com.android.application") }

android {
    namespace = "fastnst.app"
    compileSdk = 37

    defaultConfig {
        applicationId = "fastnst.app"
        // ImageDecoder, and the phone's word on its heat.
        minSdk = 29
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    androidResources { noCompress += "tflite" }
}

dependencies {
    implementation(project(":image"))
    implementation("com.google.ai.edge.litert:litert:2.3.0")
    // Without it the app builds, and runs on the processor.
    implementation("com.google.ai.edge.litert:litert-gpu:2.3.0")
    implementation("androidx.activity:activity:1.13.0")
    implementation("androidx.camera:camera-camera2:1.6.2")
    implementation("androidx.camera:camera-lifecycle:1.6.2")
}
