package everwire

import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import everwire.internal.Client
import everwire.internal.Settings
import everwire.internal.defaultSettings
import everwire.internal.uniffiRustFutureContinuationCallbackImpl

/** The native library: JNA finds it in the jar and unpacks it. */
internal object NativeLibrary {
    init {
        // A thread of the library's that says "there is something" stays attached, as a daemon: attaching costs more than the word.
        Native.setCallbackThreadInitializer(
            uniffiRustFutureContinuationCallbackImpl,
            CallbackThreadInitializer(true, false, "everwire"),
        )
    }

    fun defaults(): Settings = defaultSettings()

    fun start(settings: Settings): Client = Client.start(settings)
}
