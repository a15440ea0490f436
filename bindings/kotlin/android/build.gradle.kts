// Not built here: see README.md.
plugins {
    id("com.android.library")
    kotlin("android")
    kotlin("plugin.compose")
    kotlin("plugin.serialization")
}

android {
    namespace = "everwire.android"
    compileSdk = 36

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
        // CompletableFuture and java.time below API 26.
        isCoreLibraryDesugaringEnabled = true
    }

    buildFeatures { compose = true }

    sourceSets["main"].apply {
        // The client itself.
        kotlin.srcDirs("../src/main/kotlin", "src/main/kotlin")
        jniLibs.srcDirs(layout.buildDirectory.dir("jniLibs"))
    }
}

dependencies {
    coreLibraryDesugaring("com.android.tools:desugar_jdk_libs:2.1.5")
    api("com.squareup.okhttp3:okhttp:5.5.1")
    api("org.jetbrains.kotlinx:kotlinx-coroutines-android:1.11.0")
    api("org.jetbrains.kotlinx:kotlinx-serialization-json:1.12.0")
    implementation(platform("androidx.compose:compose-bom:2026.06.00"))
    implementation("androidx.compose.material3:material3")
    implementation("androidx.compose.material:material-icons-extended")
    implementation("androidx.lifecycle:lifecycle-process:2.9.4")
    implementation("androidx.lifecycle:lifecycle-runtime-compose:2.9.4")
}

// `cargo install cargo-ndk`, and rustup's targets of the two ABIs.
val nativeLibraries = tasks.register<Exec>("nativeLibraries") {
    workingDir = file("../..")
    commandLine(
        "cargo", "ndk", "--target", "arm64-v8a", "--target", "x86_64", "--platform", "24",
        "--output-dir", layout.buildDirectory.dir("jniLibs").get().asFile.path,
        "build", "--release", "--package", "everwire-kotlin",
    )
}

tasks.named("preBuild") { dependsOn(nativeLibraries) }
