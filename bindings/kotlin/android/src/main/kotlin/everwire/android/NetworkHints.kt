// Not built here: see README.md.
package everwire.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.ProcessLifecycleOwner
import everwire.Hint

/**
 * What Android knows of its network and of the app, as hints: a lost network is found at once and not by the heartbeat, and a client that
 * waits for its next attempt tries when the network or the user is back. Hints are harmless; without them everything works, only later.
 *
 * ```kotlin
 * val hints = NetworkHints(context) { client.hint(it) }
 * hints.start()      // on the main thread
 * hints.stop()
 * ```
 */
public class NetworkHints(context: Context, private val hint: (Hint) -> Unit) {
    private val connectivity = context.applicationContext.getSystemService(ConnectivityManager::class.java)

    private val network = object : ConnectivityManager.NetworkCallback() {
        private var current: Network? = null

        override fun onCapabilitiesChanged(network: Network, capabilities: NetworkCapabilities) {
            // Not at onAvailable: a network without a way to the internet helps nobody yet.
            if (network == current || !capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)) return
            hint(if (current == null) Hint.ONLINE else Hint.NETWORK_CHANGED)
            current = network
        }

        override fun onLost(network: Network) {
            if (network != current) return
            current = null
            hint(Hint.OFFLINE)
        }
    }

    private val app = object : DefaultLifecycleObserver {
        // The app comes to the front: whatever slept with it is asked for a sign of life.
        override fun onStart(owner: LifecycleOwner) = hint(Hint.WOKE)
    }

    /** Begins to listen. On the main thread. */
    public fun start() {
        connectivity.registerDefaultNetworkCallback(network)
        ProcessLifecycleOwner.get().lifecycle.addObserver(app)
    }

    /** Stops listening. On the main thread. */
    public fun stop() {
        connectivity.unregisterNetworkCallback(network)
        ProcessLifecycleOwner.get().lifecycle.removeObserver(app)
    }
}
