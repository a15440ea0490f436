package everwire

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import kotlin.io.path.fileSize
import kotlin.io.path.getLastModifiedTime
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.writeBytes

/** Where the native library of the jar is unpacked to. Each case is a program of its own, with a cache folder of its own. */
class LibraryTest {
    @TempDir
    lateinit var folder: Path
    private val caches get() = folder.resolve("caches")
    private val temporary get() = folder.resolve("temporary")

    @BeforeEach
    fun folders() {
        Files.createDirectory(temporary)
    }

    @Test
    fun `programs of one user share a library that is unpacked once`() {
        val first = loadedFile()
        assertEquals(caches.resolve("everwire"), first.parent)
        val unpacked = first.getLastModifiedTime()
        assertEquals(first, loadedFile())
        assertEquals(unpacked, first.getLastModifiedTime())
        assertEquals(listOf(first), caches.resolve("everwire").listDirectoryEntries())
    }

    @Test
    fun `a library that was cut off, or that others may write to, is unpacked anew`() {
        val file = loadedFile()
        val whole = file.fileSize()
        file.writeBytes(ByteArray(100))
        assertEquals(file, loadedFile())
        assertEquals(whole, file.fileSize())

        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"))
        assertEquals(file, loadedFile())
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
    }

    @Test
    fun `a cache folder that others may write to is not used`() {
        val file = loadedFile()
        Files.setPosixFilePermissions(file.parent, PosixFilePermissions.fromString("rwxrwxrwx"))
        assertUnpackedForItself(loadedFile())
    }

    @Test
    fun `where there can be no cache folder, or what is in it can't be loaded, each program unpacks for itself`() {
        val file = loadedFile()
        file.writeBytes(ByteArray(file.fileSize().toInt()))
        assertUnpackedForItself(loadedFile())

        assertUnpackedForItself(loadedFile("/proc/no-folder-can-be-here"))
    }

    @Test
    fun `the JVM takes our classes from an archive, as the documents say`() {
        val archive = folder.resolve("app.jsa")
        val file = loadedFile(options = listOf("-XX:ArchiveClassesAtExit=$archive"))
        // Without the archive it would not start.
        assertEquals(file, loadedFile(options = listOf("-XX:SharedArchiveFile=$archive", "-Xshare:on")))
    }

    private fun assertUnpackedForItself(file: Path) {
        assertEquals(temporary, file.parent.parent)
        assertEquals(emptyList<Path>(), temporary.listDirectoryEntries(), "nothing is left of it")
    }

    /** What a program with our jar has loaded. */
    private fun loadedFile(cacheHome: String = caches.toString(), options: List<String> = emptyList()): Path {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val command = listOf(java, "-Djava.io.tmpdir=$temporary") + options + listOf("-cp", classPath(), "everwire.LoadedKt")
        val program = ProcessBuilder(command).redirectErrorStream(true)
        program.environment()["XDG_CACHE_HOME"] = cacheHome
        val running = program.start()
        val output = running.inputStream.bufferedReader().readText().trim()
        assertEquals(0, running.waitFor(), output)
        // The JVM may say something of a file that it could not load before.
        return Path.of(output.lines().last())
    }

    /** This one's, with jars in place of folders, as programs have them. */
    private fun classPath(): String {
        val path = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        return path.split(File.pathSeparator).filter { File(it).exists() }.joinToString(File.pathSeparator) { if (File(it).isDirectory) jarOf(File(it)) else it }
    }

    private fun jarOf(classes: File): String {
        val jar = folder.resolve("${classes.name}.jar").toFile()
        if (!jar.exists()) packClasses(classes, jar)
        return jar.path
    }
}
