//! The one place that says which faults a scenario may name.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_protocol::Millis;

/// What may go wrong.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultSpec {
    /// The server closes the WebSocket.
    Close(Close),
    /// The server says `<stream:error>`.
    StreamError(StreamError),
    /// The server answers WebSocket Pings late.
    DelayPong(DelayPong),
    /// The server never answers WebSocket Pings.
    WithholdPong {},
}

/// The server closes the WebSocket.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The close code.
    pub code: Option<u16>,
}

/// The server says `<stream:error>`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamError {
    /// Its code.
    pub code: Option<String>,
}

/// The server answers WebSocket Pings late.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayPong {
    /// By so much.
    pub by: Millis,
}

/// What the list of faults says of one.
#[derive(Clone, Copy, Debug)]
pub struct FaultInfo {
    /// Its name in scenarios and traces.
    pub name: &'static str,
}

impl FaultSpec {
    /// What the list of faults says of it.
    pub fn info(&self) -> FaultInfo {
        let name = match self {
            Self::Close(_) => "close",
            Self::StreamError(_) => "stream_error",
            Self::DelayPong(_) => "delay_pong",
            Self::WithholdPong {} => "withhold_pong",
        };
        FaultInfo { name }
    }
}
