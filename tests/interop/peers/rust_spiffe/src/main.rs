// SPDX-License-Identifier: Apache-2.0

//! A Workload API client on rust-spiffe's public API, with the face of go_spiffe's.
//!
//!     rust_spiffe fetch SOCKET AUDIENCE    what a Workload API gives, once
//!     rust_spiffe watch SOCKET             the same, each time it changes, until killed

use serde_json::{json, Map, Value};
use spiffe::{JwtSvid, WorkloadApiClient, X509BundleSet, X509Context, X509Source};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

fn say(event: &str, mut more: Value) {
    more["event"] = json!(event);
    println!("{more}");
}

fn count(bundles: &X509BundleSet) -> Value {
    let counted: Map<String, Value> = bundles
        .iter()
        .map(|(domain, bundle)| (domain.to_string(), json!(bundle.authorities().len())))
        .collect();
    Value::Object(counted)
}

fn describe(context: &X509Context) -> Value {
    let svids: Vec<Value> = context
        .svids()
        .iter()
        .map(|svid| {
            json!({
                "id": svid.spiffe_id().to_string(),
                "hint": svid.hint().unwrap_or(""),
                "chain": svid.cert_chain().len(),
            })
        })
        .collect();
    json!({"svids": svids, "authorities": count(context.bundle_set())})
}

async fn fetch(socket: &str, audience: &str) -> Anything<()> {
    let client = WorkloadApiClient::connect_to(socket).await?;
    say("x509", describe(&client.fetch_x509_context().await?));
    say("bundles", json!({"authorities": count(&client.fetch_x509_bundles().await?)}));

    let bundles = client.fetch_jwt_bundles().await?;
    let keys: Map<String, Value> = bundles
        .iter()
        .map(|(domain, bundle)| (domain.to_string(), json!(bundle.jwt_authorities().count())))
        .collect();
    say("jwt_bundles", json!({"keys": keys}));

    let svids = client.fetch_all_jwt_svids([audience], None).await?;
    for svid in &svids {
        let here = JwtSvid::parse_and_validate(svid.token(), &bundles, &[audience])?;
        let there = client.validate_jwt_token(audience, svid.token()).await?;
        say(
            "jwt",
            json!({
                "id": here.spiffe_id().to_string(),
                "there": there.spiffe_id().to_string(),
                "hint": svid.hint().unwrap_or(""),
                "expires": here.expiry().unix_timestamp(),
                "token": svid.token(),
            }),
        );
    }
    let wrong = format!("{audience}-not");
    let refused = client.validate_jwt_token(&wrong, svids[0].token()).await.is_err();
    say("wrong_audience", json!({"refused": refused}));
    Ok(())
}

async fn watch(socket: &str) -> Anything<()> {
    let client = WorkloadApiClient::connect_to(socket).await?;
    drop(client);
    let source = X509Source::builder().endpoint(socket).build().await?;
    let mut updates = source.updated();
    loop {
        say("context", describe(&*source.x509_context()?));
        updates.changed().await?;
    }
}

fn main() -> Anything<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words[..] {
        ["fetch", socket, audience] => runtime.block_on(fetch(socket, audience)),
        ["watch", socket] => runtime.block_on(watch(socket)),
        _ => Err("which command? see main.rs".into()),
    }
}
