//! The figures.

use serde::Serialize;

/// What was measured, in one run. Times are medians of the rounds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// A create by the component, over http on a kept connection: half of the calls are faster, in microseconds.
    pub create_p50_us: f64,
    /// 99 of 100 are.
    pub create_p99_us: f64,
    /// The same by the native client.
    pub native_p50_us: f64,
    /// The component's against the native client's.
    pub ratio_p50: f64,
    /// Creates a second by the component, 64 at once.
    pub throughput_per_s: f64,
    /// The same by the native client.
    pub native_throughput_per_s: f64,
    /// The component's against the native client's.
    pub ratio_throughput_64: f64,
    /// One at a time against 64 at once: how much throughput grows.
    pub throughput_64_over_1: f64,
    /// With 100 authorizations against one, 64 at once.
    pub throughput_100_authorizations: f64,
    /// Over TLS: without pool and sessions against with them.
    pub ratio_unpooled_tls: f64,
    /// Processor time of a create by the component, in microseconds.
    pub cpu_us_per_call: f64,
    /// The same by the native client.
    pub cpu_us_native: f64,
    /// Processor time of a create by the component while 64 are made at once, in microseconds.
    pub cpu_us_at_64: f64,
    /// The same figures where instances are kept and called again: half of the calls.
    pub create_p50_kept_us: f64,
    /// Against the native client's.
    pub ratio_p50_kept: f64,
    /// Creates a second, 64 at once.
    pub throughput_kept_per_s: f64,
    /// Against the native client's.
    pub ratio_throughput_64_kept: f64,
    /// Processor time of a create, one at a time.
    pub cpu_us_kept: f64,
    /// And while 64 are made at once.
    pub cpu_us_kept_at_64: f64,
    /// A store and an instance, made and dropped, in microseconds.
    pub instantiate_p50_us: f64,
    /// Compiling the component, in milliseconds.
    pub load_wasm_ms: f64,
    /// Loading it compiled.
    pub load_precompiled_ms: f64,
    /// From the start of a process to its first outcome, from a warm cache.
    pub first_call_ms: f64,
    /// The component's size.
    pub component_bytes: usize,
    /// Connections that 1,000 sequential creates opened, the token's included.
    pub connections: usize,
    /// Memory that each of 10,000 calls in flight takes.
    pub rss_per_inflight_kb: f64,
    /// Whether all of them came back right.
    pub inflight_10k_ok: bool,
    /// Answers of 1 KB, 100 KB and 5 MB: time of a find, in microseconds.
    pub find_us: [f64; 3],
    /// The guest's memory after an answer of 5 MB, against the answer.
    pub guest_memory_per_byte: f64,
    /// A create by the component over `wasi:http`: half of the calls, in microseconds.
    pub create_p50_wasi_us: f64,
    /// Processor time of one.
    pub cpu_us_wasi: f64,
    /// Creates a second, 64 at once.
    pub throughput_wasi_per_s: f64,
    /// Processor time of one of those.
    pub cpu_us_wasi_at_64: f64,
    /// A create by pysnow against one by the component, where it ran: how many times as long it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_ratio: Option<f64>,
    /// Creates a second by the component, 64 at once, in turns with the peers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput_beside_peers_per_s: Option<f64>,
    /// Clients of other languages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
}

/// What creates by a client of another language cost. Medians of its rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// The client.
    pub name: String,
    /// One at a time: half of the calls are faster, in microseconds.
    pub create_p50_us: f64,
    /// Creates a second, 64 at once.
    pub throughput_per_s: f64,
}
