//! What an account's phone writes to a companion after its first login: the key of the app state, and its history.
//!
//! Field numbers are those of WhatsApp's own messages.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

use prost::Message;

use crate::app_state::SyncKey;

/// The message that shares the key of the app state. `at` is in milliseconds since 1970.
pub fn key_share(key: &SyncKey, at: i64) -> Vec<u8> {
    let shared = AppStateSyncKey {
        key_id: Some(AppStateSyncKeyId {
            key_id: Some(key.id.to_vec()),
        }),
        key_data: Some(AppStateSyncKeyData {
            key_data: Some(key.data.to_vec()),
            fingerprint: Some(Fingerprint {
                raw_id: Some(1),
                current_index: Some(0),
                device_indexes: vec![0],
            }),
            timestamp: Some(at),
        }),
    };
    message(ProtocolMessage {
        kind: Some(KEY_SHARE),
        app_state_sync_key_share: Some(AppStateSyncKeyShare { keys: vec![shared] }),
        ..ProtocolMessage::default()
    })
}

/// The message that says that there is no more history than this: none. It carries the salt of the tokens that let
/// somebody write.
pub fn no_history(salt: &[u8; 32]) -> Vec<u8> {
    let history = HistorySync {
        sync_type: Some(INITIAL_BOOTSTRAP),
        nct_salt: Some(salt.to_vec()),
    };
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = zlib.write_all(&history.encode_to_vec());
    let payload = written
        .and_then(|()| zlib.finish())
        .expect("a vector takes whatever comes");
    message(ProtocolMessage {
        kind: Some(HISTORY),
        history_sync_notification: Some(HistorySyncNotification {
            file_length: Some(payload.len() as u64),
            sync_type: Some(INITIAL_BOOTSTRAP),
            chunk_order: Some(1),
            progress: Some(100),
            inline_payload: Some(payload),
        }),
        ..ProtocolMessage::default()
    })
}

/// The message before it is sealed: `padding` bytes of that value come behind, 1 to 16.
pub fn padded(mut message: Vec<u8>, padding: u8) -> Vec<u8> {
    let padding = padding.clamp(1, 16);
    message.resize(message.len() + usize::from(padding), padding);
    message
}

fn message(protocol_message: ProtocolMessage) -> Vec<u8> {
    AppMessage {
        protocol_message: Some(protocol_message),
    }
    .encode_to_vec()
}

const HISTORY: i32 = 5;
const KEY_SHARE: i32 = 6;
const INITIAL_BOOTSTRAP: i32 = 0;

#[derive(Clone, PartialEq, Message)]
struct AppMessage {
    #[prost(message, optional, tag = "12")]
    protocol_message: Option<ProtocolMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtocolMessage {
    #[prost(int32, optional, tag = "2")]
    kind: Option<i32>,
    #[prost(message, optional, tag = "6")]
    history_sync_notification: Option<HistorySyncNotification>,
    #[prost(message, optional, tag = "7")]
    app_state_sync_key_share: Option<AppStateSyncKeyShare>,
}

#[derive(Clone, PartialEq, Message)]
struct HistorySyncNotification {
    #[prost(uint64, optional, tag = "2")]
    file_length: Option<u64>,
    #[prost(int32, optional, tag = "6")]
    sync_type: Option<i32>,
    #[prost(uint32, optional, tag = "7")]
    chunk_order: Option<u32>,
    #[prost(uint32, optional, tag = "9")]
    progress: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "11")]
    inline_payload: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct HistorySync {
    #[prost(int32, optional, tag = "1")]
    sync_type: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "19")]
    nct_salt: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct AppStateSyncKeyShare {
    #[prost(message, repeated, tag = "1")]
    keys: Vec<AppStateSyncKey>,
}

#[derive(Clone, PartialEq, Message)]
struct AppStateSyncKey {
    #[prost(message, optional, tag = "1")]
    key_id: Option<AppStateSyncKeyId>,
    #[prost(message, optional, tag = "2")]
    key_data: Option<AppStateSyncKeyData>,
}

#[derive(Clone, PartialEq, Message)]
struct AppStateSyncKeyId {
    #[prost(bytes = "vec", optional, tag = "1")]
    key_id: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct AppStateSyncKeyData {
    #[prost(bytes = "vec", optional, tag = "1")]
    key_data: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    fingerprint: Option<Fingerprint>,
    #[prost(int64, optional, tag = "3")]
    timestamp: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Fingerprint {
    #[prost(uint32, optional, tag = "1")]
    raw_id: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    current_index: Option<u32>,
    #[prost(uint32, repeated, packed = "true", tag = "3")]
    device_indexes: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::hex;
    use std::io::Read;

    /// The expected bytes were put together by hand from the field numbers.
    #[test]
    fn the_key_share_is_the_message_that_clients_know() {
        let key = SyncKey {
            id: [7; 6],
            data: [8; 32],
        };
        let expected = [
            "623f10063a3b0a390a080a06",
            &"07".repeat(6),
            "122d0a20",
            &"08".repeat(32),
            "1207080110001a01001801",
        ]
        .concat();
        assert_eq!(hex(&key_share(&key, 1)), expected);
    }

    #[test]
    fn the_history_is_compressed_and_says_even_a_zero() {
        let bytes = no_history(&[9; 32]);
        let message = AppMessage::decode(bytes.as_slice()).unwrap();
        let notification = message
            .protocol_message
            .unwrap()
            .history_sync_notification
            .unwrap();
        let payload = notification.inline_payload.unwrap();
        let mut history = Vec::new();
        flate2::read::ZlibDecoder::new(payload.as_slice())
            .read_to_end(&mut history)
            .unwrap();
        assert_eq!(hex(&history), format!("08009a0120{}", "09".repeat(32)));
        assert_eq!(
            (notification.sync_type, notification.progress),
            (Some(0), Some(100))
        );
    }

    #[test]
    fn padding_is_so_many_bytes_of_its_own_number() {
        assert_eq!(padded(vec![7], 3), [7, 3, 3, 3]);
        assert_eq!(padded(vec![], 0), [1]);
        assert_eq!(padded(vec![], 200).len(), 16);
    }
}
