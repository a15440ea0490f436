package everwire.internal

import java.io.IOException
import java.net.URL
import java.nio.file.FileAlreadyExistsException
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption

/** The native library's file: where the program says, where the JVM looks, or out of the jar. */
internal object Library {
    private const val NAME = "everwire_kotlin"

    /** Why it can't be used; to ask loads it, once. */
    private val problem: Throwable? by lazy {
        try {
            loadFirstFound()
            null
        } catch (failed: Throwable) {
            failed
        }
    }

    /** Begins to load it, so that it is there by the time when the JVM has loaded the client's classes. */
    fun prepare() {
        Thread({ problem }, "everwire-library").apply { isDaemon = true }.start()
    }

    /** Returns when it is loaded, by this thread or another one. */
    fun load() {
        problem?.let { throw it }
    }

    private fun loadFirstFound() {
        val given = System.getProperty("everwire.library")
        if (given != null) return System.load(given)
        try {
            // Android has it among the app's own, and a program may have put it there.
            return System.loadLibrary(NAME)
        } catch (_: UnsatisfiedLinkError) {
            loadResource()
        }
    }

    private fun loadResource() {
        val file = System.mapLibraryName(NAME)
        val resource = "/native/${platform()}/$file"
        val url = Library::class.java.getResource(resource) ?: throw UnsatisfiedLinkError(
            "the jar has no native library for this platform ($resource): build one there with `cargo xtask kotlin`, or name its file " +
                "by -Deverwire.library",
        )
        // Classes that were never packed.
        if (url.protocol == "file") return System.load(Path.of(url.toURI()).toString())
        val cached = LibraryCache.file(url, file)
        if (cached != null) {
            try {
                return System.load(cached.toString())
            } catch (_: UnsatisfiedLinkError) {
                // Nothing may be executed there, say.
            }
        }
        System.load(unpacked(url, file).toString())
    }

    /** A file in a fresh folder that only this user can enter; both are removed when the program ends. */
    private fun unpacked(url: URL, file: String): Path {
        try {
            val folder = freshFolder()
            val path = folder.resolve(file)
            folder.toFile().deleteOnExit()
            path.toFile().deleteOnExit()
            url.openStream().use { Files.copy(it, path, StandardCopyOption.REPLACE_EXISTING) }
            return path
        } catch (failed: IOException) {
            throw UnsatisfiedLinkError("the native library can't be unpacked to java.io.tmpdir: ${failed.message}")
        }
    }

    /**
     * Making a folder fails if there is one of this name, so the name need not be a secret; `createTempDirectory` would load a random
     * number generator first, which takes as long as all the rest.
     */
    private fun freshFolder(): Path {
        val parent = Path.of(System.getProperty("java.io.tmpdir"))
        var number = System.nanoTime()
        while (true) {
            try {
                return Files.createDirectory(parent.resolve("everwire-${number.toString(Character.MAX_RADIX)}"), *LibraryCache.onlyOwner(parent))
            } catch (_: FileAlreadyExistsException) {
                number++
            }
        }
    }

    /** As `PLATFORMS` in `xtask/src/kotlin.rs` calls it. */
    private fun platform(): String {
        val name = System.getProperty("os.name").lowercase()
        val system = if ("mac" in name) "darwin" else if ("win" in name) "win32" else "linux"
        val processor = when (val arch = System.getProperty("os.arch")) {
            "amd64", "x86_64" -> "x86-64"
            "arm64" -> "aarch64"
            else -> arch
        }
        return "$system-$processor"
    }
}
