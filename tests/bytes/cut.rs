//! Cuts what passed over a real socket into WebSocket frames, or into TLS records.

/// The length of each WebSocket frame, header and mask included (RFC 6455, 5.2), after the heads of the upgrade.
pub(crate) fn frames(bytes: &[u8]) -> Vec<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let mut rest = &bytes[head.expect("the head of an upgrade") + 4..];
    let mut lengths = Vec::new();
    while let [_, second, more @ ..] = rest {
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (extra, payload) = match (second & 0x7f, more) {
            (126, [high, low, ..]) => (2, usize::from(u16::from_be_bytes([*high, *low]))),
            (126 | 127, _) => panic!("no keep-alive is so long"),
            (short, _) => (0, usize::from(short)),
        };
        let length = 2 + extra + mask + payload;
        // The last one may have been cut off with the connection.
        let Some(next) = rest.get(length..) else {
            break;
        };
        lengths.push(length);
        rest = next;
    }
    lengths
}

/// The length of each record that carries encrypted data, header included (RFC 8446, 5.1).
pub(crate) fn records(bytes: &[u8]) -> Vec<usize> {
    const APPLICATION_DATA: u8 = 23;
    let mut rest = bytes;
    let mut lengths = Vec::new();
    while let [kind, _, _, high, low, ..] = rest {
        let length = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        let Some(next) = rest.get(length..) else {
            break;
        };
        if *kind == APPLICATION_DATA {
            lengths.push(length);
        }
        rest = next;
    }
    lengths
}
