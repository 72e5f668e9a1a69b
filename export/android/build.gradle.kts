plugins {
    id("com.android.application") version "9.4.0" apply false
    // Also what the application is compiled with: the Android plugin has
    // Kotlin built in and takes a newer one that it finds here.
    id("org.jetbrains.kotlin.jvm") version "2.4.20" apply false
}
