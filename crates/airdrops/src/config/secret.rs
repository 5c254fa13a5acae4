//! Secrets that the file refers to.

use std::path::Path;

use secrecy::SecretString;

use super::reader::{At, Reader, SecretPlace};

/// The text of a secret, which must be there; `what` it is, for messages: "the server's address".
pub(super) fn text(
    reader: &Reader<'_>,
    place: At<SecretPlace>,
    what: &'static str,
) -> Option<SecretString> {
    let span = place.span();
    let missing = |variable: &str, help: String| {
        let message = format!("the environment variable {variable} is not set");
        reader.error(span.clone(), message, help);
    };
    let first_line = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) => Some(SecretString::from(
            text.lines().next().unwrap_or_default().trim(),
        )),
        Err(error) => {
            let message = format!("{}: {error}", path.display());
            reader.error(
                span.clone(),
                message,
                format!("the file's first line is {what}"),
            );
            None
        }
    };
    match place.into_inner() {
        SecretPlace::Literal(text) => Some(text),
        SecretPlace::Env(variable) => {
            let value = reader.variable(&variable);
            if value.is_none() {
                missing(&variable, format!("set it to {what} before you start"));
            }
            value.map(SecretString::from)
        }
        SecretPlace::File(path) => first_line(&path),
        SecretPlace::Credential(name) => {
            let Some(folder) = reader.variable("CREDENTIALS_DIRECTORY") else {
                missing("CREDENTIALS_DIRECTORY", "systemd sets it".to_owned());
                return None;
            };
            first_line(&Path::new(&folder).join(name))
        }
    }
}
