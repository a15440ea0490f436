//! Bodies of frames, in JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::call::Kind;
use super::header::FrameError;
use super::limits::Limits;

/// The caller's identity ([C-13]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// The sender's program, or at a server its end of the session: 16 hexadecimal digits in ours.
    pub instance: String,
    /// The number of the hello among those of this instance; the answer repeats it.
    pub number: u64,
    /// The id of the instance's first call.
    pub first: u64,
    /// The id of the last call that it has made before this hello; one less than `first` if there is none.
    pub last: u64,
    /// The limits of the sender.
    #[serde(flatten)]
    pub limits: Limits,
}

/// The callee's knowledge of the caller's calls ([C-14]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// The instance of the end that answers.
    pub instance: String,
    /// The hello's instance.
    pub to: String,
    /// The hello's number.
    pub number: u64,
    /// The limits of the sender.
    #[serde(flatten)]
    pub limits: Limits,
    /// Ids of the calls without a key that run, as ascending `[first, last]` pairs.
    #[serde(default)]
    pub running: Vec<(u64, u64)>,
    /// The calls with a key, in ascending order of their ids.
    #[serde(default)]
    pub keyed: Vec<OpenCall>,
}

/// A call with a key, as the callee knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenCall {
    /// Its id.
    pub id: u64,
    /// One reply, or a stream.
    pub kind: Kind,
    /// The handler's name.
    pub name: String,
    /// The caller's own name for it.
    pub key: String,
    /// Items that the caller has processed.
    #[serde(default)]
    pub processed: u64,
    /// The stream's window.
    #[serde(default)]
    pub window: u32,
}

/// A rule was broken ([C-15]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Breach {
    /// Its number in `docs/calls.md`, `C-6` for example.
    pub rule: String,
    /// The instance that it is sent to, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

pub(super) fn json<T: DeserializeOwned>(body: &str) -> Result<T, FrameError> {
    match body.starts_with('{') {
        true => serde_json::from_str(body).map_err(|_| FrameError::BadBody),
        false => Err(FrameError::BadBody),
    }
}

pub(super) fn to_json(body: &impl Serialize) -> String {
    // Plain structs of numbers, strings and JSON values, which serialise without fail.
    serde_json::to_string(body).unwrap_or_default()
}
