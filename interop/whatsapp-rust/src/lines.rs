//! Lines of JSON, in and out.

use std::sync::LazyLock;
use std::time::Instant;

use serde_json::{Value, json};

static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Begins to count the time.
pub fn begin() {
    LazyLock::force(&BEGUN);
}

/// Writes one line of what happened. `details` is an object.
pub fn say(event: &str, details: Value) {
    let at = u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut line = json!({ "event": event, "at": at });
    if let (Some(line), Value::Object(details)) = (line.as_object_mut(), details) {
        line.extend(details);
    }
    println!("{line}");
}

/// Ends with what is wrong about how it was started.
pub fn refuse(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(2)
}

/// What is asked for.
pub enum Order {
    Send { to: String, text: String },
    Stop,
}

impl Order {
    pub fn parse(line: &str) -> Result<Self, String> {
        let order: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |name: &str| {
            let value = order[name].as_str().map(str::to_owned);
            value.ok_or_else(|| format!("{name} is missing"))
        };
        match text("do")?.as_str() {
            "send" => Ok(Self::Send {
                to: text("to")?,
                text: text("text")?,
            }),
            "stop" => Ok(Self::Stop),
            other => Err(format!("no such order: {other}")),
        }
    }
}
