//! Text of others, made fit to be shown.

/// `text` on one line, without characters that steer a terminal or turn the direction of writing,
/// white space in runs of one, at most `longest` characters.
pub(crate) fn quoted(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    let mut length = 0;
    let mut gap = false;
    for symbol in text.chars() {
        if symbol.is_whitespace() {
            gap = length > 0;
            continue;
        }
        if symbol.is_control() || is_invisible(symbol) {
            continue;
        }
        let needed = 1 + usize::from(gap);
        if length + needed > longest.saturating_sub(1) {
            shown.push('…');
            return shown;
        }
        if gap {
            shown.push(' ');
            gap = false;
        }
        shown.push(symbol);
        length += needed;
    }
    shown
}

/// Zero-width and bidirectional formatting characters, the byte-order mark and tag characters.
fn is_invisible(symbol: char) -> bool {
    matches!(symbol,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_on_one_line_and_cannot_steer_a_terminal() {
        let hostile = "  a\u{1b}[31m\r\n\tb\u{202e}c\u{0}  ";
        assert_eq!(quoted(hostile, 50), "a[31m bc");
    }

    #[test]
    fn foreign_text_is_cut_to_its_length() {
        assert_eq!(quoted(&"x".repeat(1000), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(quoted("one two", 100), "one two");
    }
}
