//! Who may say over HTTP that something happened.

use std::net::SocketAddr;

use airdrops_server::Webhooks;

use super::reader::Reader;
use super::secret;
use super::section::Section;

/// Where webhooks come in, where the file says nothing.
const LISTEN: &str = "127.0.0.1:8787";

/// The intake of webhooks.
#[derive(Debug)]
pub struct Intake {
    /// The loopback address that is listened on.
    pub address: SocketAddr,
    /// Names and secrets.
    pub webhooks: Webhooks,
}

/// The tables `[server]` and `[[webhook]]`; `None` if nobody may say anything.
pub(super) fn read(reader: &Reader<'_>, root: &Section<'_>) -> Option<Intake> {
    let server = root.table("server");
    let listen = server.as_ref().and_then(|server| server.text("listen"));
    let sections = root.tables("webhook");
    let mut secrets = Vec::new();
    for section in &sections {
        let name = section.name("name");
        let secret = section.secret("secret");
        if let (Some(name), Some(place)) = (name, secret)
            && let Some(text) = secret::text(reader, place, "the webhook's secret")
        {
            secrets.push((name.into_inner(), text));
        }
    }
    let Some(first) = sections.first() else {
        if let Some(server) = &server {
            let message = "there is no [[webhook]] that the server would take";
            let help = "add one, or remove [server]";
            reader.error(server.span.clone(), message, help);
        }
        return None;
    };
    let webhooks = match Webhooks::new(secrets) {
        Ok(webhooks) => webhooks,
        Err(defect) => {
            reader.error(first.span.clone(), defect.to_string(), "");
            return None;
        }
    };
    let text = listen
        .as_ref()
        .map_or(LISTEN, |listen| listen.get_ref().as_str());
    let address = match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => address,
        _ => {
            let span = server.map_or_else(|| first.span.clone(), |it| it.span_of("listen"));
            let message = format!("`{text}` is no loopback address with a port");
            let help = "write listen = \"127.0.0.1:8787\"; senders on other machines need a reverse \
                        proxy with TLS";
            reader.error(span, message, help);
            return None;
        }
    };
    Some(Intake { address, webhooks })
}
