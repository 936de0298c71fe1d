//! The mock server from outside: its machine by script, its app over in-memory streams, its wrapper around the stream.

mod admin;
mod app;
mod client;
mod frame_faults;
mod host;
mod machine;
mod script;
