//! A client made of whatsapp-rust, as a subject of Squall: lines of JSON in and out. See ../../README.md.

mod lines;
mod options;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::wacore::net::DisconnectReason;
use whatsapp_rust::wacore::store::in_memory::InMemoryBackend;
use whatsapp_rust::wacore::types::events::Event;
use whatsapp_rust::wacore::types::presence::ReceiptType;

use lines::{Order, refuse, say};
use options::Options;

/// The version of WhatsApp Web that it says it is; otherwise the library asks the internet for the newest.
const VERSION: (u32, u32, u32) = (2, 3000, 1_043_857_760);

#[tokio::main]
async fn main() {
    lines::begin();
    let options = Options::read();
    let transport = TokioWebSocketTransportFactory::new().with_url(options.url.as_str());
    let control = options.control.clone();
    let bot = Bot::builder()
        .with_backend(InMemoryBackend::new())
        .with_transport_factory(transport)
        .with_version(VERSION)
        .with_push_name(&*options.name)
        .on_qr_code(move |code, _| {
            say("qr", json!({ "text": code }));
            let control = control.clone();
            async move {
                if let Some(control) = control {
                    scan(&control, code).await;
                }
            }
        })
        .on_event(|event, client| async move { tell(&event, &client) })
        .build()
        .await
        .unwrap_or_else(|error| refuse(&error.to_string()));
    let handle = bot.spawn();
    let client = handle.client();
    if !options.redials {
        client.enable_auto_reconnect.store(false, Ordering::Relaxed);
    }

    let mut input = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = input.next_line().await {
        match Order::parse(&line) {
            Ok(Order::Send { to, text }) => {
                if let Err(why) = send(&client, &to, text).await {
                    say("failed", json!({ "what": line, "why": why }));
                }
            }
            Ok(Order::Stop) => {
                handle.shutdown().await;
                return;
            }
            Err(why) => say("failed", json!({ "what": line, "why": why })),
        }
    }
    // Nobody commands any more: it stays connected until its library gives up.
    handle.await;
}

/// The QR code is held before the mock phone.
async fn scan(control: &str, code: String) {
    let url = format!("{control}/admin/mock-phone/scan-qr");
    let answer =
        tokio::task::spawn_blocking(move || ureq::post(&url).content_type("text/plain").send(code))
            .await;
    let why = match answer {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    say("failed", json!({ "what": "scan-qr", "why": why }));
}

fn tell(event: &Event, client: &Arc<Client>) {
    match event {
        Event::PairSuccess(pair) => say("paired", json!({ "jid": pair.id.to_string() })),
        Event::Connected(_) => {
            let jid = client.pn().map(|jid| jid.to_string());
            let lid = client.lid().map(|lid| lid.to_string());
            say("open", json!({ "jid": jid, "lid": lid }));
        }
        Event::Disconnected(end) => match &end.reason {
            DisconnectReason::ServerClose { code, reason } => closed(json!(code), reason.clone()),
            reason => closed(json!(null), reason.to_string()),
        },
        Event::StreamReplaced(_) => closed(json!("replaced"), "stream replaced".to_owned()),
        Event::StreamError(error) => closed(json!(error.code), "stream error".to_owned()),
        Event::LoggedOut(end) => closed(json!(end.reason), "logged out".to_owned()),
        Event::TemporaryBan(ban) => closed(json!(ban.code), "temporary ban".to_owned()),
        Event::ConnectFailure(end) => closed(json!(end.reason), "connect failure".to_owned()),
        Event::ClientOutdated(_) => closed(json!(405), "client outdated".to_owned()),
        Event::Messages(batch) => {
            for message in batch.messages.iter() {
                let source = &message.info.source;
                if let Some(text) = message.message.text_content()
                    && !source.is_from_me
                {
                    let (id, from) = (&message.info.id, source.sender.to_string());
                    say("message", json!({ "id": id, "from": from, "text": text }));
                }
            }
        }
        Event::UndecryptableMessage(message) => {
            let from = message.info.source.sender.to_string();
            say(
                "undecryptable",
                json!({ "id": message.info.id, "from": from }),
            );
        }
        Event::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
            say("acknowledged", json!({ "id": ack.id }));
        }
        Event::Receipt(receipt) => {
            let name = match receipt.r#type {
                ReceiptType::Delivered => "delivered",
                ReceiptType::Read => "read",
                _ => return,
            };
            for id in &receipt.message_ids {
                say(name, json!({ "id": id }));
            }
        }
        _ => {}
    }
}

fn closed(code: serde_json::Value, reason: String) {
    say("closed", json!({ "code": code, "reason": reason }));
}

async fn send(client: &Client, to: &str, text: String) -> Result<(), String> {
    let jid = match to.contains('@') {
        true => to.to_owned(),
        false => format!("{to}@s.whatsapp.net"),
    };
    let jid: Jid = jid.parse().map_err(|error| format!("{jid:?}: {error}"))?;
    let message = wa::Message {
        conversation: Some(text),
        ..Default::default()
    };
    let sent = client.send_message(jid, message).await;
    let sent = sent.map_err(|error| error.to_string())?;
    say("sent", json!({ "id": sent.message_id, "to": to }));
    Ok(())
}
