//! What is wrong with a configuration file, shown where it is wrong.

use std::fmt::{self, Write as _};
use std::ops::Range;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not say what was meant.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// Bytes of the file that it is about.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A file's name and text. The text may hold secrets: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// As the operator named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A finding as JSON.
#[derive(Debug, Serialize)]
pub struct Located<'a> {
    level: Level,
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: Option<&'a str>,
}

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const BLUE: Style = AnsiColor::Blue.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const BOLD: Style = Style::new().bold();

impl Source {
    /// Line and column of a byte offset, both from 1, columns in characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.before(offset);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The findings as text with colours, in the order of the file.
    #[must_use]
    pub fn render(&self, diagnostics: &[Diagnostic]) -> String {
        let mut text = String::new();
        for diagnostic in self.ordered(diagnostics) {
            self.render_one(&mut text, diagnostic);
        }
        text
    }

    /// The findings with their places, in the order of the file.
    #[must_use]
    pub fn located<'a>(&'a self, diagnostics: &'a [Diagnostic]) -> Vec<Located<'a>> {
        self.ordered(diagnostics)
            .into_iter()
            .map(|diagnostic| {
                let (line, column) = self.position(diagnostic.span.start);
                Located {
                    level: diagnostic.level,
                    file: &self.name,
                    line,
                    column,
                    message: &diagnostic.message,
                    help: diagnostic.help.as_deref(),
                }
            })
            .collect()
    }

    fn ordered<'a>(&self, diagnostics: &'a [Diagnostic]) -> Vec<&'a Diagnostic> {
        let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
        ordered.sort_by_key(|diagnostic| diagnostic.span.start);
        ordered
    }

    fn before(&self, offset: usize) -> &str {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }

    fn render_one(&self, out: &mut String, diagnostic: &Diagnostic) {
        let (line, column) = self.position(diagnostic.span.start);
        let (style, word) = match diagnostic.level {
            Level::Error => (RED, ""),
            Level::Warning => (YELLOW, "warning: "),
        };
        let shown = self.text.lines().nth(line - 1).unwrap_or_default();
        let start = column - 1;
        let length = shown.chars().count();
        let spanned = self
            .before(diagnostic.span.end)
            .chars()
            .count()
            .saturating_sub(self.before(diagnostic.span.start).chars().count());
        let carets = spanned.min(length.saturating_sub(start)).max(1);
        let shown = without_secrets(shown).replace('\t', " ");
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{BOLD}{}:{line}:{column}:{BOLD:#} {style}{word}{style:#}{BOLD}{}{BOLD:#}",
            self.name, diagnostic.message
        );
        let _ = writeln!(out, "{BLUE}{number} |{BLUE:#} {shown}");
        let _ = writeln!(
            out,
            "{BLUE}{gutter} |{BLUE:#} {}{style}{}{style:#}",
            " ".repeat(start),
            "^".repeat(carets)
        );
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "{BLUE}{gutter} ={BLUE:#} {GREEN}help:{GREEN:#} {help}");
        }
        out.push('\n');
    }
}

/// The line with everything that may be a secret replaced, character by character, so that columns
/// stay: what follows `://`, and quoted text after keys that sound secret.
fn without_secrets(line: &str) -> String {
    let mut shown: Vec<char> = line.chars().collect();
    let lower: Vec<char> = line.to_lowercase().chars().collect();
    if lower.len() != shown.len() {
        return "*".repeat(shown.len());
    }
    let mut index = 0;
    while index + 3 <= shown.len() {
        if shown[index..index + 3] == [':', '/', '/'] {
            index += 3;
            while index < shown.len() && !matches!(shown[index], '"' | '\'' | ' ' | ',' | '}') {
                shown[index] = '*';
                index += 1;
            }
        } else {
            index += 1;
        }
    }
    for word in [
        "pass", "secret", "private", "mnemonic", "phrase", "rpc", "api", "token =", "key =", "key=",
    ] {
        let word: Vec<char> = word.chars().collect();
        if let Some(at) = lower
            .windows(word.len())
            .position(|window| window == word.as_slice())
        {
            mask_quoted(&mut shown, &lower, at);
        }
    }
    shown.into_iter().collect()
}

/// Masks what stands in quotes after `from`, except the names in `{ env = "..." }` and the like.
fn mask_quoted(shown: &mut [char], lower: &[char], from: usize) {
    let mut index = from;
    while index < shown.len() {
        let quote = shown[index];
        if !matches!(quote, '"' | '\'') {
            index += 1;
            continue;
        }
        let before: String = lower[from..index].iter().collect();
        let before = before.trim_end().trim_end_matches('=').trim_end();
        let reference = ["env", "file", "credential"]
            .iter()
            .any(|word| before.ends_with(word));
        index += 1;
        while index < shown.len() && shown[index] != quote {
            if !reference {
                shown[index] = '*';
            }
            index += 1;
        }
        index += 1;
    }
}

/// The names that are most like `name`, best first, none that is unlike it.
#[must_use]
pub fn similar<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> =
        candidates
            .into_iter()
            .filter(|candidate| *candidate != name)
            .map(|candidate| {
                let lower = candidate.to_lowercase();
                let prefix = lower.starts_with(&wanted) || wanted.starts_with(&lower);
                let score = strsim::jaro_winkler(&wanted, &lower)
                    .max(if prefix && wanted.len() > 2 { 0.9 } else { 0.0 });
                (score, candidate)
            })
            .filter(|(score, _)| *score > 0.78)
            .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().map(|(_, name)| name).collect()
}

/// The remedy for a name that is not among `candidates`: the nearest, or all of them.
#[must_use]
pub fn suggestion<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    kind: &str,
) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(best) = similar(name, candidates.iter().copied()).first() {
        return format!("did you mean `{best}`?");
    }
    if candidates.is_empty() {
        return format!("there is no {kind} in this file yet");
    }
    let list: Vec<String> = candidates.iter().map(|name| format!("`{name}`")).collect();
    format!("known: {}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_columns_stay() {
        let line = r#"rpc = "https://eth.example/v2/S3CRET" # note"#;
        let masked = without_secrets(line);
        assert!(!masked.contains("S3CRET"), "{masked}");
        assert_eq!(masked.chars().count(), line.chars().count());
        assert_eq!(
            without_secrets(r#"passphrase = "hunter2""#),
            r#"passphrase = "*******""#
        );
        assert_eq!(
            without_secrets(r#"rpc = { env = "RPC_MAINNET" }"#),
            r#"rpc = { env = "RPC_MAINNET" }"#
        );
        assert!(!without_secrets(r#"api_key = "abcdef""#).contains("abcdef"));
        assert!(!without_secrets(r#"rpc = "wss:// x" "#).contains('x'));
    }

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source {
            name: "a.toml".into(),
            text: "α = 1\nβγ = 2\n".into(),
        };
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(source.text.len()), (3, 1));
        assert_eq!(source.position("α = 1\nβγ".len()), (2, 3));
        assert_eq!(source.position(usize::MAX), (3, 1));
    }

    #[test]
    fn near_names_are_suggested_and_far_names_are_not() {
        assert_eq!(
            suggestion("tikc", ["tick", "database"], "key"),
            "did you mean `tick`?"
        );
        assert_eq!(
            suggestion("zzz", ["tick", "seed"], "key"),
            "known: `tick`, `seed`"
        );
        assert_eq!(
            suggestion("zzz", [], "wallet"),
            "there is no wallet in this file yet"
        );
    }
}
