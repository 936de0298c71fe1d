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

/// When the stanzas of this tag reach the client where these steps follow a start at time zero. Each takes 40 ms.
fn arrivals(tag: &'static str, steps: &str) -> Vec<u64> {
    arrivals_over("40ms", tag, steps)
}

/// The same over a link with this latency.
fn arrivals_over(latency: &str, tag: &'static str, steps: &str) -> Vec<u64> {
    let text = format!(
        "name: a link\nruns_for: 3m\norganizations: {{ \"1\": {{}} }}\nlink: {{ latency: {latency} }}\n\
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

/// Two stanzas of the same length at 60 s, under this fault.
fn two_receipts(fault: &str) -> Vec<u64> {
    let steps = format!(
        "  - {{ at: 59s, fault: {fault} }}\n  - {{ at: 60s, inject: {{ backlog: {{ stanzas: 2 }} }} }}\n"
    );
    arrivals("receipt", &steps)
}

#[test]
fn a_narrow_line_takes_one_message_after_another_and_each_by_its_size() {
    let at = two_receipts("{ bandwidth: { bytes_per_second: 100 } }");
    let takes = at[0] - 60_040;
    assert!(
        (300..2_000).contains(&takes),
        "{takes} ms for some 70 bytes"
    );
    assert_eq!(at[1], 60_040 + 2 * takes, "the second waits for the first");
    let faster = two_receipts("{ bandwidth: { bytes_per_second: 1000 } }");
    assert_eq!(faster[0], 60_040 + takes.div_ceil(10));
}

#[test]
fn a_message_in_pieces_arrives_with_its_last_byte() {
    let bytes = (two_receipts("{ bandwidth: { bytes_per_second: 1000 } }")[0]) - 60_040;
    let gaps = bytes.div_ceil(10) - 1;
    let at = two_receipts("{ slice: { bytes: 10, gap: 200ms } }");
    assert_eq!(at[0], 60_040 + gaps * 200);
    assert_eq!(
        at[1],
        at[0] + gaps * 200,
        "the second begins when the first is there"
    );
}

#[test]
fn what_is_sent_while_a_flapping_network_is_down_arrives_when_it_is_up() {
    let steps = "  - { at: 60s, fault: { flap: { up: 20s, down: 10s } } }\n  \
                   - { at: 65s, inject: { backlog: { stanzas: 1 } } }\n  \
                   - { at: 75s, inject: { backlog: { stanzas: 1 } } }\n  \
                   - { at: 91s, inject: { backlog: { stanzas: 1 } } }\n";
    assert_eq!(arrivals("receipt", steps), [70_040, 75_040, 100_040]);
}

#[test]
fn what_a_nat_has_forgotten_does_not_come_back_with_another_nat() {
    // The ping of 80 s is the first thing after 60 s, and is lost.
    let steps = "  - { at: 60s, fault: { idle_timeout: { after: 10s } }, for: 30s }\n  \
                   - { at: 95s, inject: { backlog: { stanzas: 1 } } }\n";
    assert_eq!(arrivals("receipt", steps), [0; 0]);
}

#[test]
fn a_frame_that_comes_in_two_goes_leaves_the_latency_of_every_other_message_as_it_was() {
    let backlog = "  - { at: 120s, inject: { backlog: { stanzas: 5 } } }\n";
    let stall = "  - { at: 78s, fault: { stall_mid_frame: {} }, for: 7s }\n";
    let undisturbed = arrivals_over("40ms..9s", "receipt", backlog);
    assert_eq!(undisturbed.len(), 5);
    assert_eq!(
        arrivals_over("40ms..9s", "receipt", &(stall.to_owned() + backlog)),
        undisturbed
    );
}

#[test]
fn a_dial_without_an_answer_is_tried_again_as_a_kernel_does() {
    // It dials at 30 s, and tries again after 1, 3, 7 and 15 s.
    for (gone, logged_in) in [("29s", 30), ("30500ms", 31), ("36s", 37), ("38s", 45)] {
        let steps = format!("  - {{ at: 0s, fault: {{ partition: {{}} }}, until: {gone} }}\n");
        let at = arrivals("iq", &steps);
        assert_eq!(at[0], logged_in * 1_000 + 470, "a route from {gone} on");
    }
    let steps = "  - { at: 0s, fault: { partition: {} }, until: 46s }\n";
    assert_eq!(arrivals("iq", steps), [0; 0], "it gives up after 20 s");
}
