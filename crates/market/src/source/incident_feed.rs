//! Feeds of incidents: RSS, Atom or JSON Feed.
//!
//! What is read is text that anybody may have written. It becomes an [`Incident`], with a severity
//! from a table of words; what follows from it is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_types::{Incident, Severity, Timestamp};
use feed_rs::model::{Entry, Feed};
use feed_rs::parser;
use quick_xml::encoding::DecodingReader;
use quick_xml::events::Event;

use crate::quoted::quoted;
use crate::settings::{Settings, seconds};
use crate::{Answer, Clock, Fetcher, Request, SetupError, SourceError};

/// The most incidents of one feed, newest first.
const MOST: usize = 100;

/// The longest title and id that are kept, characters.
const LONGEST: usize = 200;

/// How much of an entry's summary is searched for words, characters.
const SEARCHED: usize = 2000;

/// The deepest nesting of elements that is parsed.
const DEEPEST: usize = 100;

/// Defaults for the feed at `url`: every 5 min, at most an hour old, 4 MiB.
#[must_use]
pub fn settings(url: &str) -> Settings {
    let mut settings = Settings::new(url, seconds(300), seconds(3600));
    settings.fetch.timeout = seconds(10);
    settings.fetch.max_body = 4 * 1024 * 1024;
    settings
}

/// Which words mean what. Words and phrases are matched whole, without regard to case or to what
/// stands between the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentWords {
    /// From a word or phrase to the protocol family, asset or chain that it names.
    pub names: BTreeMap<String, String>,
    /// Make an incident critical.
    pub critical: Vec<String>,
    /// Make an incident a warning.
    pub warning: Vec<String>,
}

impl IncidentWords {
    /// The names given, with the usual words for severity in English.
    #[must_use]
    pub fn with_names(names: BTreeMap<String, String>) -> Self {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            names,
            critical: list(&[
                "exploit",
                "exploited",
                "hack",
                "hacked",
                "drained",
                "stolen",
                "attacker",
                "attacked",
                "rug pull",
                "rugged",
                "private key",
                "compromised",
                "insolvent",
                "insolvency",
                "loss of funds",
                "bad debt",
                "infinite mint",
            ]),
            warning: list(&[
                "vulnerability",
                "vulnerable",
                "paused",
                "outage",
                "depeg",
                "depegged",
                "phishing",
                "hijacked",
                "frontend",
                "front end",
                "halted",
                "suspended",
                "incident",
                "bug",
                "unauthorized",
                "suspicious",
                "delisting",
            ]),
        }
    }

    fn severity(&self, text: &Words) -> Severity {
        if self.critical.iter().any(|phrase| text.hold(phrase)) {
            Severity::Critical
        } else if self.warning.iter().any(|phrase| text.hold(phrase)) {
            Severity::Warning
        } else {
            Severity::Info
        }
    }

    fn named(&self, text: &Words) -> Vec<String> {
        let names: BTreeSet<String> = self
            .names
            .iter()
            .filter(|(phrase, _)| text.hold(phrase))
            .map(|(_, name)| name.to_lowercase())
            .collect();
        names.into_iter().collect()
    }
}

/// Text as its words in lower case, one space around each.
struct Words(String);

impl Words {
    fn of(text: &str) -> Self {
        let mut words = String::from(" ");
        for symbol in text.chars().flat_map(char::to_lowercase) {
            if symbol.is_alphanumeric() {
                words.push(symbol);
            } else if !words.ends_with(' ') {
                words.push(' ');
            }
        }
        if !words.ends_with(' ') {
            words.push(' ');
        }
        Self(words)
    }

    /// Whether `phrase` is in it. The empty phrase never is.
    fn hold(&self, phrase: &str) -> bool {
        let phrase = Self::of(phrase);
        phrase.0 != " " && self.0.contains(&phrase.0)
    }
}

/// One feed.
#[derive(Debug)]
pub struct IncidentFeed {
    fetcher: Fetcher,
    request: Request,
    words: IncidentWords,
}

impl IncidentFeed {
    /// The feed at the settings' base address, which may have a query, called `name`: the name of who publishes it,
    /// because feeds of one publisher are not independent of each other.
    ///
    /// # Errors
    /// Settings that cannot be used; a key is one, because feeds take none.
    pub fn new(
        name: &str,
        settings: &Settings,
        words: IncidentWords,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let mut settings = settings.clone();
        let mut request = Request::default();
        // What is no address is told apart by the fetcher.
        if let Ok(mut url) = reqwest::Url::parse(&settings.base_url)
            && url.query().is_some()
        {
            for (parameter, value) in url.query_pairs() {
                request = request.with(&parameter, value);
            }
            url.set_query(None);
            settings.base_url = url.into();
        }
        let fetcher = settings.fetcher(name, None, clock)?;
        Ok(Self {
            fetcher,
            request,
            words,
        })
    }

    /// What the feed reports, newest first. Entries that neither name anything configured nor
    /// hold a word of severity are left out. An entry without date has the feed's, else that of
    /// the answer; none is later than receipt.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) but `NoData`: a feed without incidents is a good feed.
    pub async fn incidents(&self) -> Result<Vec<Incident>, SourceError> {
        let answer = self.fetcher.get(&self.request).await?;
        let feed = self.parse(&answer)?;
        let mut incidents: Vec<Incident> = feed
            .entries
            .iter()
            .filter_map(|entry| self.incident(entry, &feed, &answer))
            .collect();
        incidents.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        incidents.dedup_by(|a, b| a.id == b.id);
        incidents.truncate(MOST);
        Ok(incidents)
    }

    fn parse(&self, answer: &Answer) -> Result<Feed, SourceError> {
        if answer.body.trim_ascii().is_empty() {
            return Err(self.fetcher.malformed("an empty body", "line 1"));
        }
        if too_deep(&answer.body) {
            let what = "elements nested too deep";
            return Err(self.fetcher.malformed(what, "the body"));
        }
        parser::Builder::new()
            .id_generator(|links, title, _| {
                let link = links.first().map_or("", |link| link.href.as_str());
                let title = title.as_ref().map_or("", |title| title.content.as_str());
                format!("{link} {title}")
            })
            .build()
            .parse(answer.body.as_slice())
            .map_err(|error| {
                let what = format!("neither RSS nor Atom nor JSON Feed: {error}");
                self.fetcher.malformed(&what, "the body")
            })
    }

    fn incident(&self, entry: &Entry, feed: &Feed, answer: &Answer) -> Option<Incident> {
        let title = entry.title.as_ref().map_or("", |title| &title.content);
        let summary = entry.summary.as_ref().map_or("", |text| &text.content);
        let searched: String = summary.chars().take(SEARCHED).collect();
        let text = Words::of(&format!("{} {searched}", quoted(title, SEARCHED)));
        let (names, severity) = (self.words.named(&text), self.words.severity(&text));
        if names.is_empty() && severity == Severity::Info {
            return None;
        }
        let dated = entry.published.or(entry.updated).or(feed.updated);
        let at = dated.map_or(answer.as_of, |date| Timestamp(date.timestamp_millis()));
        Some(Incident {
            id: quoted(&entry.id, LONGEST),
            source: self.fetcher.source().to_owned(),
            at: at.min(answer.received),
            names,
            severity,
            title: quoted(title, LONGEST),
        })
    }
}

/// Whether elements are nested deeper than [`DEEPEST`]. The parser descends into some elements by
/// recursion (groups of Media RSS, categories of iTunes), so that a body of nothing else would
/// overflow the stack, and take the process with it. Read with the parser's own reader, so that
/// both see the same elements; what is no XML to it is none to the parser either.
fn too_deep(body: &[u8]) -> bool {
    let mut reader = quick_xml::Reader::from_reader(DecodingReader::new(body));
    reader.config_mut().trim_markup_names_in_closing_tags = true;
    let (mut buffer, mut depth) = (Vec::new(), 0_usize);
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(_)) if depth == DEEPEST => return true,
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) | Err(_) => return false,
            Ok(_) => {}
        }
        buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_whole_and_phrases_across_punctuation() {
        let text = Words::of("Aave-v3: PRIVATE  key… of the Hackathon");
        assert!(text.hold("aave v3") && text.hold("Private Key") && text.hold("hackathon"));
        assert!(!text.hold("hack") && !text.hold("ave") && !text.hold("") && !text.hold(" - "));
    }

    #[test]
    fn a_body_that_would_overflow_the_parser_is_kept_from_it() {
        let nested = |depth: usize| "<media:group a='</media:group>'>".repeat(depth);
        assert!(!too_deep(nested(DEEPEST).as_bytes()));
        assert!(too_deep(nested(DEEPEST + 1).as_bytes()));
        let wide: Vec<u16> = nested(DEEPEST + 1).encode_utf16().collect();
        let wide: Vec<u8> = wide.into_iter().flat_map(u16::to_le_bytes).collect();
        assert!(too_deep(&[b"\xff\xfe".as_slice(), &wide].concat()));
        assert!(!too_deep("<a>1</a><b/>".repeat(1000).as_bytes()));
        assert!(!too_deep("<![CDATA[<br>]]>".repeat(1000).as_bytes()));
    }

    #[test]
    fn what_is_let_through_fits_the_stack_of_a_worker() {
        let depth = DEEPEST - 3;
        for (element, end) in [
            ("media:group", "media:group"),
            ("itunes:category text='a'", "itunes:category"),
        ] {
            let place = |inner: String| match element {
                "media:group" => format!("<item><title>x</title>{inner}</item>"),
                _ => inner,
            };
            let nested = format!("<{element}>").repeat(depth) + &format!("</{end}>").repeat(depth);
            let body = format!(
                "<rss version=\"2.0\" xmlns:media=\"http://search.yahoo.com/mrss/\" \
                 xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\"><channel>{}</channel></rss>",
                place(nested)
            );
            assert!(!too_deep(body.as_bytes()));
            let worker = std::thread::Builder::new().stack_size(1024 * 1024);
            let parsed = worker.spawn(move || parser::parse(body.as_bytes()).is_ok());
            assert!(parsed.is_ok_and(|thread| thread.join().is_ok_and(|parsed| parsed)));
        }
    }
}
