//! JSON-RPC 2.0 in a call, for tables of methods that are there already.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use everwire_calls::{Failure, codes};
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BoxFuture, Handler, Incoming, MaybeSend, MaybeSync};

/// A table of JSON-RPC 2.0 methods: a handler of calls whose payload is a request, or a batch of requests, and whose
/// reply is the response. The reply to notifications, which JSON-RPC does not answer, is empty. The requests of a batch
/// run concurrently; one that panics is answered with -32603. `params` may also be `null`.
///
/// ```
/// use everwire_peer::{Calls, JsonRpc, RpcError};
/// use serde_json::{Value, json};
///
/// let methods = JsonRpc::new().method("subtract", async |params: Value| {
///     let [from, what]: [i64; 2] = serde_json::from_value(params).map_err(RpcError::invalid_params)?;
///     Ok(json!(from - what))
/// });
/// let calls = Calls::new().call("rpc", methods);
/// # let _ = calls;
/// ```
#[derive(Clone, Default)]
#[must_use = "methods do nothing until they handle a call"]
pub struct JsonRpc {
    methods: HashMap<String, Arc<dyn Method>>,
}

/// The error of a method.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RpcError {
    /// The code, for programs; -32768 to -32000 are reserved by JSON-RPC.
    pub code: i64,
    /// The message, for people.
    pub message: String,
    /// Further data, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

trait Method: MaybeSend + MaybeSync {
    fn run(&self, params: Value) -> BoxFuture<'static, Result<Value, RpcError>>;
}

impl<F, Fut> Method for F
where
    F: Fn(Value) -> Fut + MaybeSend + MaybeSync,
    Fut: Future<Output = Result<Value, RpcError>> + MaybeSend + 'static,
{
    fn run(&self, params: Value) -> BoxFuture<'static, Result<Value, RpcError>> {
        Box::pin(self(params))
    }
}

#[derive(Deserialize)]
struct Request {
    jsonrpc: String,
    method: String,
    #[serde(default)]
    params: Value,
    /// Absent: a notification. `null` is an id.
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
}

#[derive(Serialize)]
struct Response {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RpcError>,
    id: Value,
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

impl JsonRpc {
    /// A table without methods.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a method; it replaces an earlier one of this name. It gets the request's `params`, `null` if there are
    /// none.
    pub fn method<F, Fut>(mut self, name: impl Into<String>, method: F) -> Self
    where
        F: Fn(Value) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<Value, RpcError>> + MaybeSend + 'static,
    {
        self.methods.insert(name.into(), Arc::new(method));
        self
    }

    /// The response to a request or a batch, as JSON; `None` if there are only notifications.
    pub async fn answer(&self, request: &str) -> Option<String> {
        match serde_json::from_str(request) {
            Err(error) => Some(to_json(&failed(RpcError::new(-32700, format!("no JSON: {error}")), Value::Null))),
            Ok(Value::Array(batch)) if !batch.is_empty() => {
                let responses = join_all(batch.into_iter().map(|request| self.answer_one(request))).await;
                let responses: Vec<Response> = responses.into_iter().flatten().collect();
                (!responses.is_empty()).then(|| to_json(&responses))
            }
            Ok(request) => self.answer_one(request).await.map(|response| to_json(&response)),
        }
    }

    async fn answer_one(&self, request: Value) -> Option<Response> {
        let id = request.get("id").filter(|id| is_id(id)).cloned();
        let Request { method, params, id, .. } = match serde_json::from_value::<Request>(request) {
            Ok(request) if request.is_valid() => request,
            _ => return Some(failed(RpcError::new(-32600, "no request of JSON-RPC 2.0"), id.unwrap_or(Value::Null))),
        };
        let result = match self.methods.get(&method) {
            // A panic is the error of this request, and of no other in its batch.
            Some(run) => AssertUnwindSafe(async { run.run(params).await }).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(target: "everwire::calls", method, "a method of JSON-RPC panicked");
                Err(RpcError::new(-32603, "internal error: the method panicked"))
            }),
            None => Err(RpcError::new(-32601, format!("there is no method {method}"))),
        };
        let id = id?;
        Some(match result {
            Ok(result) => Response { jsonrpc: "2.0", result: Some(result), error: None, id },
            Err(error) => failed(error, id),
        })
    }
}

impl Request {
    fn is_valid(&self) -> bool {
        // `null` is what some clients write for no params.
        let has_params = matches!(self.params, Value::Null | Value::Array(_) | Value::Object(_));
        self.jsonrpc == "2.0" && has_params && self.id.as_ref().is_none_or(is_id)
    }
}

fn is_id(id: &Value) -> bool {
    matches!(id, Value::String(_) | Value::Number(_) | Value::Null)
}

fn failed(error: RpcError, id: Value) -> Response {
    Response { jsonrpc: "2.0", result: None, error: Some(error), id }
}

fn to_json(response: &impl Serialize) -> String {
    // Plain structs of JSON values, which serialise without fail.
    serde_json::to_string(response).unwrap_or_default()
}

/// The arguments of [`JsonRpc`] as a [`Handler`]: the text of the call.
#[derive(Clone, Copy, Debug)]
pub struct RpcCall;

impl Handler<RpcCall> for JsonRpc {
    fn handle(
        &self,
        incoming: &Incoming,
    ) -> Result<BoxFuture<'static, Result<everwire_ws::Message, Failure>>, Failure> {
        let Some(request) = incoming.payload().as_text().map(str::to_owned) else {
            return Err(Failure::new(codes::BAD_PAYLOAD, "a request of JSON-RPC is text"));
        };
        let this = self.clone();
        Ok(Box::pin(async move { Ok(this.answer(&request).await.unwrap_or_default().into()) }))
    }
}

impl RpcError {
    /// An error with a code and a message.
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The error of params that the method does not accept (-32602).
    #[must_use]
    pub fn invalid_params(why: impl fmt::Display) -> Self {
        Self::new(-32602, format!("invalid params: {why}"))
    }

    /// Adds further data.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

impl fmt::Debug for JsonRpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRpc").field("methods", &self.methods.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

    use serde_json::json;

    use super::*;

    fn methods() -> JsonRpc {
        JsonRpc::new()
            .method("subtract", async |params: Value| {
                let [from, what]: [i64; 2] = match params.get("minuend") {
                    Some(minuend) => serde_json::from_value(json!([minuend, params["subtrahend"]])),
                    None => serde_json::from_value(params),
                }
                .map_err(RpcError::invalid_params)?;
                Ok(json!(from - what))
            })
            .method("panic", async |_| -> Result<Value, RpcError> { panic!("on purpose") })
            .method("update", async |_| Ok(Value::Null))
    }

    async fn answer(request: &str) -> Option<Value> {
        methods().answer(request).await.map(|response| serde_json::from_str(&response).unwrap())
    }

    fn error(code: i64, response: Option<Value>) -> bool {
        response.is_some_and(|response| response["error"]["code"] == code && response.get("result").is_none())
    }

    /// The examples of the specification, section 7.
    #[tokio::test]
    async fn the_examples_of_the_specification_are_answered_as_it_says() {
        let response = answer(r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#).await;
        assert_eq!(response, Some(json!({"jsonrpc": "2.0", "result": 19, "id": 1})));
        let named =
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": "a"}"#;
        assert_eq!(answer(named).await, Some(json!({"jsonrpc": "2.0", "result": 19, "id": "a"})));
        assert_eq!(answer(r#"{"jsonrpc": "2.0", "method": "update", "params": [1]}"#).await, None);
        assert_eq!(answer(r#"{"jsonrpc": "2.0", "method": "foobar"}"#).await, None);
        assert!(error(-32601, answer(r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#).await));
        assert!(error(-32700, answer(r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#).await));
        assert!(error(-32600, answer(r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#).await));
        assert!(error(-32600, answer("[]").await));
        assert!(error(
            -32602,
            answer(r#"{"jsonrpc": "2.0", "method": "subtract", "params": ["a"], "id": null}"#).await
        ));
    }

    #[tokio::test]
    async fn an_id_is_a_string_a_number_or_null_and_any_other_is_no_request() {
        for id in ["{}", "[1]", "true"] {
            let response = answer(&format!(r#"{{"jsonrpc": "2.0", "method": "update", "id": {id}}}"#)).await;
            assert_eq!(response.as_ref().unwrap()["id"], Value::Null, "{id}");
            assert!(error(-32600, response), "{id}");
        }
        let response = answer(r#"{"jsonrpc": "2.0", "method": "update", "params": 5, "id": 1.5}"#).await;
        assert_eq!(response.as_ref().unwrap()["id"], json!(1.5));
        assert!(error(-32600, response));
    }

    #[tokio::test]
    async fn a_method_that_panics_is_an_error_of_its_request_alone() {
        let batch = r#"[
            {"jsonrpc": "2.0", "method": "panic", "id": 1},
            {"jsonrpc": "2.0", "method": "panic"},
            {"jsonrpc": "2.0", "method": "update", "id": 2}
        ]"#;
        let response = answer(batch).await.unwrap();
        assert_eq!(response[0]["error"]["code"], -32603);
        assert_eq!(response[1], json!({"jsonrpc": "2.0", "result": null, "id": 2}));
    }

    #[tokio::test]
    async fn a_batch_is_answered_as_one_without_its_notifications() {
        let batch = r#"[
            {"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": "2"},
            {"jsonrpc": "2.0", "method": "update", "params": [7]},
            {"foo": "boo"},
            1
        ]"#;
        let response = answer(batch).await.unwrap();
        let codes: Vec<_> = response.as_array().unwrap().iter().map(|one| one["error"]["code"].as_i64()).collect();
        assert_eq!(codes, [None, Some(-32600), Some(-32600)]);
        assert_eq!(response[0]["result"], 19);
        assert_eq!(answer(r#"[{"jsonrpc": "2.0", "method": "update"}]"#).await, None);
    }
}
