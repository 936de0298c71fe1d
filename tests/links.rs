//! What a link holds back, and what becomes of it.

use std::sync::{Arc, Mutex};

use squall::engine::Listener;
use squall::subject::Tested;
use squall::trace::{Entry, Event, Message, Side};
use squall::{Options, run_tested, scenario};

/// When each stanza of this tag reached the client, in milliseconds.
struct Arrivals {
    tag: &'static str,
    at: Arc<Mutex<Vec<u64>>>,
}

impl Listener for Arrivals {
    fn hear(&mut self, entry: &Entry) {
        if let Event::Delivered {
            to: Side::Client,
            message: Message::Stanza(node),
            ..
        } = &entry.event
            && node.tag == self.tag
        {
            self.at.lock().unwrap().push(entry.at.since_start().get());
        }
    }
}

/// When the stanzas of this tag reach the client where these steps follow a start at time zero.
fn arrivals(tag: &'static str, steps: &str) -> Vec<u64> {
    let text = format!(
        "name: a link\nruns_for: 3m\norganizations: {{ \"1\": {{}} }}\nlink: {{ latency: 40ms }}\n\
         steps:\n  - {{ at: 0s, start_session: {{ org: \"1\" }} }}\n{steps}"
    );
    let scenario = scenario::parse(&text, "a-link.yaml".as_ref()).expect("a good scenario");
    let at = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&at);
    let options = Options {
        writers: Some(Box::new(move |_| {
            vec![Box::new(Arrivals { tag, at: heard })]
        })),
        ..Options::default()
    };
    run_tested(&scenario, Tested::Session, options).expect("a runtime can be had");
    let at = at.lock().unwrap();
    at.clone()
}

#[test]
fn what_one_fault_lets_go_another_still_holds() {
    let steps = "  - { at: 60s, fault: { blackhole: {} }, for: 10s }\n  \
                   - { at: 65s, fault: { blackhole: {} }, for: 15s }\n  \
                   - { at: 66s, inject: { backlog: { stanzas: 1 } } }\n";
    assert_eq!(arrivals("receipt", steps), [80_040]);
}

#[test]
fn the_last_words_of_a_server_that_is_gone_arrive_when_the_link_flows_again() {
    // The client takes the first error for the end and closes; the server lets go, its second error still on the way.
    let steps = "  - { at: 60s, inject: { stream_error: { code: \"503\", closes: false } } }\n  \
                   - { at: 60050ms, fault: { blackhole: { direction: to_client } }, for: 3s }\n  \
                   - { at: 60060ms, inject: { stream_error: { code: \"401\" } } }\n";
    assert_eq!(arrivals("stream:error", steps), [60_040, 63_090]);
}
