//! The node codec: a small IQ, the `<success>` of a login, a message out of a backlog.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use squall_protocol::Node;
use squall_protocol::codec::{decode, encode};

fn nodes() -> [(&'static str, Node); 3] {
    let ping = Node::new("iq")
        .attr("id", "36243.51872-17")
        .attr("xmlns", "w:p")
        .attr("type", "get")
        .attr("to", "s.whatsapp.net")
        .child(Node::new("ping"));
    let success = Node::new("success")
        .attr("t", "1768831200")
        .attr("location", "rva")
        .attr("props", "27")
        .attr("companion_enc_static", "dGhlIGtleSBvZiBhIGNvbXBhbmlvbg==")
        .attr("lid", "100000012345678@lid")
        .attr("display_name", "Example Ltd.")
        .attr("creation", "1735689600");
    let message = Node::new("message")
        .attr("from", "15550100@s.whatsapp.net")
        .attr("id", "3EB0C767D71B2E1A2B3C")
        .attr("type", "text")
        .attr("t", "1768831200")
        .attr("offline", "1")
        .child(
            Node::new("enc")
                .attr("v", "2")
                .attr("type", "msg")
                .bytes(vec![0x5a; 512]),
        );
    [
        ("a ping", ping),
        ("success", success),
        ("a message", message),
    ]
}

/// Each both ways.
pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    for (name, node) in nodes() {
        let mut bytes = Vec::new();
        encode(&node, &mut bytes).expect("a node that fits its frame");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut out = Vec::with_capacity(bytes.len());
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode(black_box(&node), &mut out)
            });
        });
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| decode(black_box(&bytes)));
        });
    }
    group.finish();
}
