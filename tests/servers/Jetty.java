// The server of asgi.py with Jetty 9.4: java -cp JARS Jetty.java PORT
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.websocket.api.WebSocketAdapter;
import org.eclipse.jetty.websocket.server.WebSocketHandler;
import org.eclipse.jetty.websocket.servlet.WebSocketServletFactory;

public class Jetty {
    public static class Peer extends WebSocketAdapter {
        @Override
        public void onWebSocketText(String text) {
            try {
                if (text.equals("return")) {
                    getSession().close();
                    return;
                }
                if (text.equals("work")) Thread.sleep(2000);
                getRemote().sendString(text);
            } catch (java.io.IOException | InterruptedException error) {
                throw new IllegalStateException(error);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(args[0]));
        server.addConnector(connector);
        server.setStopAtShutdown(true);
        server.setHandler(new WebSocketHandler() {
            @Override
            public void configure(WebSocketServletFactory factory) {
                factory.register(Peer.class);
            }
        });
        server.start();
        server.join();
    }
}
