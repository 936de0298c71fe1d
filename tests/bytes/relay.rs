//! A relay between a client and a server, which keeps every byte that passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What passed over one connection, each way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) up: Vec<u8>,
    pub(crate) down: Vec<u8>,
}

/// A relay on a port of its own.
pub(crate) struct Relay {
    pub(crate) port: u16,
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl Relay {
    /// Relays to this address for as long as the process lives.
    pub(crate) fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let passed: Arc<Mutex<Vec<Passed>>> = Arc::default();
        let (target, kept) = (address.to_owned(), Arc::clone(&passed));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(&target).unwrap();
                let place = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(Passed::default());
                    kept.len() - 1
                };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (up, down) = (Arc::clone(&kept), Arc::clone(&kept));
                thread::spawn(move || {
                    carry(client, server, |bytes| {
                        up.lock().unwrap()[place].up.extend(bytes);
                    });
                });
                thread::spawn(move || {
                    carry(back.0, back.1, |bytes| {
                        down.lock().unwrap()[place].down.extend(bytes);
                    });
                });
            }
        });
        Self { port, passed }
    }

    /// What has passed over each connection, in the order of the dials.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.passed.lock().unwrap().clone()
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Whoever has gone needs not be told.
    let _ = to.shutdown(Shutdown::Write);
}
