package everwire.internal

import java.io.IOException
import java.io.InputStream
import java.net.JarURLConnection
import java.net.URL
import java.nio.channels.Channels
import java.nio.channels.FileChannel
import java.nio.file.Files
import java.nio.file.LinkOption
import java.nio.file.NoSuchFileException
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import java.nio.file.StandardOpenOption
import java.nio.file.attribute.FileAttribute
import java.nio.file.attribute.PosixFileAttributes
import java.nio.file.attribute.PosixFilePermission
import java.nio.file.attribute.PosixFilePermissions

/**
 * The native library in the user's cache folder, so that only the first of many programs unpacks it: that takes as long as all the
 * rest of a start. What is loaded from there runs in the program, so the folder and the file have to belong to the user that the
 * program runs as, and nobody else may write to them.
 */
internal object LibraryCache {
    private const val OLD_MS = 30L * 24 * 60 * 60 * 1000

    /** The library's file, unpacked if it is not there yet; `null` where there is no such folder, or none that can be trusted. */
    fun file(url: URL, name: String): Path? {
        try {
            val folder = folder() ?: return null
            val connection = url.openConnection() as? JarURLConnection ?: return null
            // Not the one that other readers of the jar share: it is closed here.
            connection.useCaches = false
            connection.jarFile.use { jar ->
                val entry = connection.jarEntry
                val path = folder.resolve("${entry.crc.toString(16)}-${entry.size}-$name")
                if (!isThere(path, entry.size)) jar.getInputStream(entry).use { unpack(it, path) }
                return path
            }
        } catch (_: IOException) {
            return null
        } catch (_: SecurityException) {
            return null
        }
    }

    private fun folder(): Path? {
        val home = Path.of(System.getProperty("user.home"))
        if ("posix" !in home.fileSystem.supportedFileAttributeViews()) return null
        val given = System.getenv("XDG_CACHE_HOME")?.let { Path.of(it) }?.takeIf { it.isAbsolute }
        val usual = if ("mac" in System.getProperty("os.name").lowercase()) "Library/Caches" else ".cache"
        val caches = given ?: home.takeIf { Files.isDirectory(it) }?.resolve(usual) ?: return null
        val folder = caches.resolve("everwire")
        if (!Files.exists(folder)) Files.createDirectories(folder, *onlyOwner(folder))
        return folder.takeIf { isOurs(attributes(it)) }
    }

    /** A file of another size was cut off when the machine stopped. */
    private fun isThere(path: Path, size: Long): Boolean = try {
        attributes(path).let { it.isRegularFile && it.size() == size && isOurs(it) }
    } catch (_: NoSuchFileException) {
        false
    }

    private fun attributes(path: Path) = Files.readAttributes(path, PosixFileAttributes::class.java, LinkOption.NOFOLLOW_LINKS)

    private fun isOurs(file: PosixFileAttributes): Boolean =
        file.owner().name == System.getProperty("user.name") &&
            PosixFilePermission.GROUP_WRITE !in file.permissions() && PosixFilePermission.OTHERS_WRITE !in file.permissions()

    /** Whole or not at all: other programs may look for it, or do the same, at this moment. */
    private fun unpack(from: InputStream, path: Path) {
        removeOld(path.parent)
        val part = path.resolveSibling("${path.fileName}.${System.nanoTime().toString(Character.MAX_RADIX)}")
        try {
            val options = setOf(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)
            // Not forced to the disk, which can take seconds: file systems put a size down after the content, and the size is looked at.
            FileChannel.open(part, options, *onlyOwner(part)).use { from.copyTo(Channels.newOutputStream(it), 1 shl 16) }
            Files.move(part, path, StandardCopyOption.ATOMIC_MOVE)
        } finally {
            Files.deleteIfExists(part)
        }
    }

    /** Those of other versions, and what a program left that was ended while it unpacked. */
    private fun removeOld(folder: Path) {
        val now = System.currentTimeMillis()
        Files.newDirectoryStream(folder).use { files ->
            for (file in files) {
                if (now - Files.getLastModifiedTime(file).toMillis() > OLD_MS) Files.deleteIfExists(file)
            }
        }
    }

    /** For a new file or folder at this path. */
    fun onlyOwner(path: Path): Array<FileAttribute<*>> =
        if ("posix" !in path.fileSystem.supportedFileAttributeViews()) emptyArray()
        else arrayOf(PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")))
}
