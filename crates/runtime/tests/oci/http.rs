//! HTTP probes: each instance is probed in its own network, and no response harms the agent.

use std::time::Duration;

use miosa_domain::InstanceId;
use miosa_domain::spec::{InstanceSpec, Network};
use miosa_runtime::conformance::{new_id, spec};
use miosa_runtime::{HttpError, InstanceDriver, RuntimeError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::host::Host;

/// Longer than any response takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn ask(host: &Host, id: InstanceId, port: u16, path: &str) -> Result<u16, HttpError> {
    let answer = host.driver.probe_http(id, port, path).expect("the question is put");
    tokio::time::timeout(PATIENCE, answer).await.expect("an answer")
}

/// Starts a server in the instance and waits until it listens.
async fn serve(host: &Host, id: InstanceId, port: u16, command: &str) {
    let listens = format!("netstat -ltn | grep -q ':{port} '");
    host.run(
        id,
        &format!("{command}; for i in $(seq 200); do {listens} && exit 0; sleep 0.05; done; exit 1"),
    )
    .await;
}

/// A probe reaches the server in the instance's own network, not the same port of another instance or of the host.
#[tokio::test(flavor = "multi_thread")]
async fn each_in_its_own_network() {
    let host = Host::new();
    let (serving, other) = (host.running().id, host.running().id);
    serve(&host, serving, 8080, "mkdir /www; echo hi > /www/health; httpd -p 127.0.0.1:8080 -h /www").await;
    assert_eq!(ask(&host, serving, 8080, "/health").await, Ok(200));
    assert_eq!(ask(&host, serving, 8080, "/missing").await, Ok(404));
    assert_eq!(ask(&host, other, 8080, "/health").await, Err(HttpError::Refused { port: 8080 }));

    // Only instances with the host's network reach a port on the host's loopback.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0, "cut off");
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        String::from_utf8(request).unwrap()
    });
    assert_eq!(ask(&host, other, port, "/").await, Err(HttpError::Refused { port }));
    let hosted = host.running_spec(InstanceSpec { network: Network::Host, ..spec(new_id(), 1) }).id;
    assert_eq!(ask(&host, hosted, port, "/ready?deep=1").await, Ok(204));
    let request = answering.await.unwrap();
    assert!(request.starts_with("GET /ready?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");

    host.driver.stop(serving, Duration::ZERO).unwrap();
    assert!(matches!(host.driver.probe_http(serving, 8080, "/"), Err(RuntimeError::NotRunning { .. })));
}

/// Endless bytes, another protocol, or no response at all.
#[tokio::test(flavor = "multi_thread")]
async fn odd_answers_do_no_harm() {
    let host = Host::new();
    let id = host.running().id;
    serve(&host, id, 81, "(tr '\\0' x </dev/zero | nc -l -p 81 >/dev/null 2>&1 &)").await;
    assert_eq!(ask(&host, id, 81, "/").await, Err(HttpError::NoHttp { port: 81 }));
    serve(&host, id, 82, "(echo SSH-2.0-box | nc -l -p 82 >/dev/null 2>&1 &)").await;
    assert_eq!(ask(&host, id, 82, "/").await, Err(HttpError::NoHttp { port: 82 }));

    // The caller times out. Dropping the probe closes the connection, which ends this server.
    serve(&host, id, 83, "(sleep 4711 | nc -l -p 83 >/dev/null 2>&1 &)").await;
    let mut silent = host.driver.probe_http(id, 83, "/").unwrap();
    assert!(futures::poll!(&mut silent).is_pending());
    host.run(id, "for i in $(seq 200); do netstat -tn | grep -q ':83 .*ESTABLISHED' && exit 0; sleep 0.05; done; exit 1")
        .await;
    assert!(futures::poll!(&mut silent).is_pending(), "nobody said anything");
    drop(silent);
    host.run(id, "for i in $(seq 200); do netstat -tn | grep ':83 ' | grep -q ESTABLISHED || exit 0; sleep 0.05; done; exit 1")
        .await;
}
