use everwire_server::{CloseCode, after};
use tokio::time::Instant;

use super::Connection;

impl Connection {
    /// Counts what the client does, with the bytes that it took; whether the connection goes on. It is not read until that
    /// fits into its user's budget: nothing is lost.
    pub(super) async fn pay(&mut self, cost: f64) -> bool {
        let cost = cost + std::mem::take(&mut self.unpaid);
        let spent = match &self.user {
            Some(user) => self.state.spend(&user.user_id, cost),
            // Nobody yet: no user's id begins so.
            None => self.state.spend(&format!("\0{}", self.id), cost),
        };
        let Some(wait) = spent else {
            // Not refused for good: who comes back and says it again has lost nothing.
            self.state.metrics.ended("rate_limited");
            return self.close(CloseCode::TRY_AGAIN_LATER, "too much of this user waits already: try again").await;
        };
        if !wait.is_zero() {
            self.rests_until = Some(after(Instant::now(), wait));
        }
        true
    }
}
