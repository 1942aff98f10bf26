//! What happens, told to the page while it happens: calls and exchanges from the host's spans, their reports, and deliveries.

use crate::lab::invocation::Finished;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Span, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// How many events a page may be behind, and how many a new page is told: a call has about five.
const KEPT: usize = 1_024;

/// The span of what a page asked for. The calls in it have its number.
const RUN: &str = "studio.run";

/// What happens. Clones tell the same pages.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    pages: broadcast::Sender<Arc<str>>,
    /// What was told last, for a page that is opened later.
    past: Mutex<VecDeque<Arc<str>>>,
    began: Instant,
    /// The last number that was given to a span.
    last: AtomicU64,
    /// The call that began last: a token is fetched for it.
    latest: AtomicU64,
    /// The calls of the runs that are under way: a run and a call.
    calls: Mutex<Vec<(u64, u64)>>,
}

impl Default for Events {
    fn default() -> Self {
        let (pages, _) = broadcast::channel(KEPT);
        let (last, latest) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner {
            pages,
            past: Mutex::default(),
            began: Instant::now(),
            last,
            latest,
            calls: Mutex::default(),
        }))
    }
}

/// A number for what a page asked for, and the span that it runs in.
pub struct Run {
    number: u64,
    /// The span.
    pub span: Span,
}

impl Events {
    /// Tells all pages.
    pub fn tell(&self, event: &Value) {
        let event: Arc<str> = event.to_string().into();
        let mut past = self.past();
        if past.len() == KEPT {
            past.pop_front();
        }
        past.push_back(Arc::clone(&event));
        // Nobody may be listening.
        let _ = self.0.pages.send(event);
    }

    /// The greeting between what was told before and what is told from now on.
    pub fn now(&self) -> Value {
        json!({"kind": "now", "at_us": self.at_us()})
    }

    /// What was told before, and what a page hears from now on.
    pub fn hear(&self) -> (Vec<Arc<str>>, broadcast::Receiver<Arc<str>>) {
        let past = self.past();
        (past.iter().cloned().collect(), self.0.pages.subscribe())
    }

    /// Forgets what was told.
    pub fn forget(&self) {
        self.past().clear();
    }

    fn past(&self) -> MutexGuard<'_, VecDeque<Arc<str>>> {
        self.0.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page asks for something.
    pub fn run(&self) -> Run {
        let number = self.number();
        Run { number, span: info_span!(RUN, number) }
    }

    /// Tells how the call of this place in a run ended. No header is told that may hold a secret: the host's journal has none.
    pub fn report(&self, Run { number, .. }: &Run, at: usize, finished: &Finished) {
        let call = self.calls().iter().filter(|(run, _)| run == number).nth(at).map(|(_, call)| *call);
        self.tell(&json!({
            "kind": "call-reported",
            "call": call,
            "waited_us": micros(finished.waited),
            "computed_us": micros(finished.computed),
            "exchanges": finished.exchanges,
        }));
    }

    fn calls(&self) -> MutexGuard<'_, Vec<(u64, u64)>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self) -> u64 {
        self.0.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What tells of the host's spans.
    pub fn layer(&self) -> SpanEvents {
        SpanEvents(self.clone())
    }

    fn at_us(&self) -> u64 {
        micros(self.0.began.elapsed())
    }
}

/// Microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Tells of the host's spans, as a layer of the program's subscriber.
pub struct SpanEvents(Events);

/// What a span is known by, and what was recorded in it.
struct Known {
    id: u64,
    call: u64,
    kind: Kind,
    fields: Fields,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Run,
    Call,
    Exchange,
}

#[derive(Default)]
struct Fields {
    method: String,
    route: String,
    outcome: String,
    status: Option<u64>,
    error: Option<String>,
    number: u64,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "servicenow.method" | "http.request.method" => self.method = value.to_string(),
            "url.template" => self.route = value.to_string(),
            "servicenow.outcome" => self.outcome = value.to_string(),
            "error.type" => self.error = Some(value.to_string()),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "http.response.status_code" => self.status = Some(value),
            "number" => self.number = value,
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for SpanEvents {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let kind = match attributes.metadata().name() {
            RUN => Kind::Run,
            "servicenow.call" => Kind::Call,
            "http.client" => Kind::Exchange,
            _ => return,
        };
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let id = if kind == Kind::Run { fields.number } else { self.0.number() };
        let parent = span.parent().and_then(|parent| parent.extensions().get::<Known>().map(|known| known.id));
        let (latest, at_us) = (&self.0.0.latest, self.0.at_us());
        // A token is fetched by nobody's call: it is told with the one that began last.
        let call = if kind == Kind::Call { id } else { parent.unwrap_or_else(|| latest.load(Ordering::Relaxed)) };
        let Fields { method, route, .. } = &fields;
        match kind {
            Kind::Run => {}
            Kind::Call => {
                latest.store(id, Ordering::Relaxed);
                if let Some(run) = parent {
                    self.0.calls().push((run, id));
                }
                self.0.tell(&json!({"kind": "call-began", "id": id, "method": method, "at_us": at_us}));
            }
            Kind::Exchange => self.0.tell(&json!({
                "kind": "exchange-began", "id": id, "call": call, "method": method, "route": route,
                "of_host": parent.is_none(), "at_us": at_us,
            })),
        }
        span.extensions_mut().insert(Known { id, call, kind, fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(known) = span.extensions_mut().get_mut::<Known>() {
            values.record(&mut known.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let extensions = span.extensions();
        let Some(Known { id, call, kind, fields }) = extensions.get::<Known>() else { return };
        let at_us = self.0.at_us();
        match kind {
            Kind::Run => self.0.calls().retain(|(run, _)| run != id),
            Kind::Call => {
                self.0.tell(&json!({"kind": "call-ended", "id": id, "outcome": fields.outcome, "at_us": at_us}));
            }
            Kind::Exchange => self.0.tell(&json!({
                "kind": "exchange-ended", "id": id, "call": call, "status": fields.status,
                // A status that is an error is told as one.
                "error": fields.error.as_ref().filter(|_| fields.status.is_none()), "at_us": at_us,
            })),
        }
    }
}
