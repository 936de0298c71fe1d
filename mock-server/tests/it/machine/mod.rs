//! The machine alone, told line by line what happens and asked what it wants done.

mod faults;
mod life;
mod link_faults;
mod pairing_faults;
mod reply_faults;

use squall_mock_server::fault::{StreamError, Target};

fn stream_error(code: u16) -> StreamError {
    StreamError {
        code: Some(code.into()),
        ..StreamError::default()
    }
}

fn of(account: &str) -> Target {
    Target {
        account: Some(account.into()),
        ..Target::default()
    }
}
