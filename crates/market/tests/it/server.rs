//! Servers on this machine: one whose answer can be exchanged, and one that speaks bytes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Answers every GET with whatever it was last told.
pub(crate) struct Server {
    server: MockServer,
    answer: Arc<Mutex<ResponseTemplate>>,
}

struct Told(Arc<Mutex<ResponseTemplate>>);

impl Respond for Told {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        self.0.lock().unwrap().clone()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let answer = Arc::new(Mutex::new(ResponseTemplate::new(404)));
        let told = Told(Arc::clone(&answer));
        Mock::given(method("GET"))
            .respond_with(told)
            .mount(&server)
            .await;
        Self { server, answer }
    }

    pub(crate) async fn saying(body: &str) -> Self {
        let server = Self::start().await;
        server.say(body);
        server
    }

    pub(crate) fn base(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn answer(&self, answer: ResponseTemplate) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn say(&self, body: &str) {
        self.answer(body_of(body.as_bytes()));
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// Path and query of the last request, escapes undone.
    pub(crate) async fn last(&self) -> (String, Vec<(String, String)>) {
        let requests = self.requests().await;
        let url = &requests.last().unwrap().url;
        let query = url.query_pairs().into_owned().collect();
        (url.path().to_owned(), query)
    }
}

pub(crate) fn body_of(body: &[u8]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.to_vec(), "application/json")
}

/// One step of an answer that is sent byte for byte.
#[derive(Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// The same again until the other side hangs up.
    Repeat(Vec<u8>, Duration),
}

pub(crate) fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

/// The base address of a server that answers each connection with `steps`, then hangs up.
pub(crate) async fn speaking(steps: Vec<Step>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let steps = steps.clone();
            tokio::spawn(async move {
                let mut asked = Vec::new();
                let mut buffer = [0; 4096];
                while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(count) if count > 0 => asked.extend_from_slice(&buffer[..count]),
                        _ => return,
                    }
                }
                for step in steps {
                    match step {
                        Step::Send(bytes) => {
                            if stream.write_all(&bytes).await.is_err() {
                                return;
                            }
                        }
                        Step::Wait(pause) => tokio::time::sleep(pause).await,
                        Step::Repeat(bytes, pause) => {
                            while stream.write_all(&bytes).await.is_ok() {
                                tokio::time::sleep(pause).await;
                            }
                        }
                    }
                }
            });
        }
    });
    format!("http://{address}")
}
