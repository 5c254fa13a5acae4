//! What every HTML file is made of.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A whole file: no script, nothing loaded from elsewhere.
#[must_use]
pub fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// A figure with its name and a note; `tone` is `good`, `bad` or nothing.
#[must_use]
pub fn tile(name: &str, value: &str, note: &str, tone: &'static str) -> Markup {
    html! {
        div.tile {
            dt { (name) }
            dd class=(tone) { (value) }
            dd.note { (note) }
        }
    }
}
