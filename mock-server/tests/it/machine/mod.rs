//! The machine alone, told line by line what happens and asked what it wants done.

mod accounts;
mod faults;
mod first_login;
mod keys;
mod life;
mod link_faults;
mod messages;
mod pairing_faults;
mod presence;
mod reply_faults;
mod two_clients;
mod usync;

use squall_mock_server::fault::{StreamError, Target};
use squall_mock_server::server::{Messaging, Settings};
use squall_protocol::jid::Jid;
use squall_protocol::pairing::Device;

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

/// The user of this device, by phone number.
fn user(device: &Device) -> String {
    let jid: Jid = device.jid.as_deref().unwrap().parse().unwrap();
    Jid { device: 0, ..jid }.to_string()
}

/// The user of this device, by the number that hides the phone's.
fn hidden(device: &Device) -> String {
    let jid: Jid = device.lid.as_deref().unwrap().parse().unwrap();
    Jid { device: 0, ..jid }.to_string()
}

/// Any number of logins, and no word from the phone.
fn quiet() -> Settings {
    Settings {
        guard: None,
        messaging: Messaging {
            phone_writes: false,
            ..Messaging::default()
        },
        ..Settings::default()
    }
}
