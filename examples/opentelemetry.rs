//! Calls as OpenTelemetry spans, and a server that receives the trace context of each call.
//!
//! `cargo run --example opentelemetry`

#![allow(clippy::print_stdout, reason = "an example")]

use std::collections::HashMap;

use mcp_client::{Client, Server, TraceContext, server::Context};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Deserialize, JsonSchema)]
struct SearchArgs {
    /// Words in the title.
    query: String,
}

/// Replaces an OTLP exporter: prints spans as they end.
#[derive(Debug)]
struct Print;

impl SpanExporter for Print {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
            println!("{} ({:?}, {:?})", span.name, span.span_kind, span.status);
            println!("  trace {trace}, span {id}, parent {}", span.parent_span_id);
            let is_shown = |key: &str| !key.starts_with("code.") && !key.starts_with("thread.");
            for attribute in span.attributes.iter().filter(|it| is_shown(it.key.as_str())) {
                println!("  {} = {}", attribute.key, attribute.value);
            }
        }
        Ok(())
    }
}

/// The current trace context: that of the call's span, since it is read within it.
fn trace_context() -> Option<TraceContext> {
    let mut entries = HashMap::new();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&tracing::Span::current().context(), &mut entries);
    });
    Some(entries.into_iter().collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = SdkTracerProvider::builder().with_simple_exporter(Print).build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bookshop-client"));
    // Spans of sessions have the level INFO and the target `mcp_session::span`.
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing_subscriber::registry().with(filter).with(layer).init();

    let bookshop = Server::builder("Bookshop")
        .tool("search_books", "Search the catalog", |args: SearchArgs, cx: Context| async move {
            // A server with OpenTelemetry would start a child span of this parent.
            let parent: Option<String> = cx.meta().decode("traceparent");
            format!("{}: the server works for {}", args.query, parent.unwrap_or_default())
        })
        .build();

    let client = Client::new(bookshop)?.trace_context(trace_context);
    let work = async {
        let session = client.connect().await?;
        let result = session.call_tool("search_books").arg("query", "Dune").await?;
        println!("{}", result.text());
        session.close().await
    };
    work.instrument(tracing::info_span!("visit the bookshop")).await?;
    provider.shutdown()?;
    Ok(())
}
