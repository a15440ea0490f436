use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;
pub(super) type TokenFuture = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;
pub(super) type TokenSource = Arc<dyn Fn(bool) -> TokenFuture + Send + Sync>;
