//! Feeds.

use airdrops_market::source::incident_feed::IncidentFeed;
use airdrops_types::{Severity, Timestamp};

use crate::server::Server;
use crate::subject::{NOW, SetClock, rss, settings, words};

async fn incidents(body: &str) -> Vec<airdrops_types::Incident> {
    let server = Server::saying(body).await;
    let clock = SetClock::new().clock();
    let feed = IncidentFeed::new("rekt", &settings(&server.base()), words(), clock).unwrap();
    feed.incidents().await.unwrap()
}

#[tokio::test]
async fn rss_atom_and_json_feeds_become_incidents() {
    let at = Timestamp(NOW.0 - 900_000);
    let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><id>f</id><entry>
        <id>rekt-1</id><title>Aave v3 exploited for $5M</title>
        <updated>2023-11-14T22:00:00Z</updated><summary>x</summary></entry></feed>"#;
    let json = r#"{"version":"https://jsonfeed.org/version/1","title":"t","items":[{"id":"rekt-1",
        "title":"Aave v3 exploited for $5M","date_published":"2023-11-14T22:00:00Z",
        "content_text":"x"}]}"#;
    let rss = rss("<pubDate>Tue, 14 Nov 2023 22:00:00 GMT</pubDate>");
    for body in [atom, json, &rss] {
        let found = incidents(body).await;
        assert_eq!(found.len(), 1, "{body}");
        let incident = &found[0];
        assert_eq!(
            (incident.id.as_str(), incident.source.as_str()),
            ("rekt-1", "rekt")
        );
        assert_eq!((incident.at, incident.severity), (at, Severity::Critical));
        assert_eq!(incident.names, ["aave"]);
        assert_eq!(incident.title, "Aave v3 exploited for $5M");
    }
}

#[tokio::test]
async fn an_incident_is_never_later_than_its_receipt_and_its_text_is_tame() {
    for date in [
        "",
        "<pubDate>Tue, 14 Nov 2090 22:00:00 GMT</pubDate>",
        "<pubDate>soon</pubDate>",
    ] {
        assert_eq!(incidents(&rss(date)).await[0].at, NOW, "{date}");
    }
    let hostile = rss("").replace(
        "exploited",
        &format!("&#x202e;\n{} exploited", "z".repeat(5000)),
    );
    let title = &incidents(&hostile).await[0].title;
    assert!(title.chars().count() <= 200 && title.ends_with('…') && !title.contains('\u{202e}'));
}

#[tokio::test]
async fn what_names_nothing_and_alarms_nobody_is_left_out_and_floods_are_cut() {
    let item =
        |title: &str, id: usize| format!("<item><title>{title}</title><guid>{id}</guid></item>");
    let feed = |items: String| format!("<rss version=\"2.0\"><channel>{items}</channel></rss>");
    let calm = feed(item("Weekly news", 1) + &item("Aave listing", 2) + &item("Bridge outage", 3));
    let found = incidents(&calm).await;
    let by = |id: &str| found.iter().find(|incident| incident.id == id).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((by("2").severity, by("2").names.len()), (Severity::Info, 1));
    assert_eq!(
        (by("3").severity, by("3").names.len()),
        (Severity::Warning, 0)
    );
    let flood = feed((0..500).map(|id| item("Aave hacked", id)).collect());
    assert_eq!(incidents(&flood).await.len(), 100);
}

#[tokio::test]
async fn an_entry_without_id_has_the_same_id_each_time() {
    let body = rss("").replace("<guid>rekt-1</guid>", "");
    assert_eq!(incidents(&body).await[0].id, incidents(&body).await[0].id);
    let bare = body.replace("<link>https://example.com/1</link>", "");
    assert_eq!(incidents(&bare).await[0].id, incidents(&bare).await[0].id);
}

#[tokio::test]
async fn a_feed_that_would_overflow_its_parser_is_refused() {
    let groups = "<media:group>".repeat(4_000);
    let body = format!(
        "<rss version=\"2.0\" xmlns:media=\"http://search.yahoo.com/mrss/\"><channel><item>\
         <title>x</title>{groups}"
    );
    let server = Server::saying(&body).await;
    let clock = SetClock::new().clock();
    let feed = IncidentFeed::new("rekt", &settings(&server.base()), words(), clock).unwrap();
    let error = feed.incidents().await.unwrap_err();
    assert!(error.to_string().contains("nested too deep"), "{error}");
    let bomb = "<!DOCTYPE rss [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>";
    server.say(
        &rss("")
            .replace("?>", &format!("?>{bomb}"))
            .replace("Aave", "Aave &b;"),
    );
    if let Ok(found) = feed.incidents().await {
        assert!(found.iter().all(|incident| incident.title.len() < 300));
    }
}

#[tokio::test]
async fn a_feed_s_address_is_asked_as_it_is_written_and_its_query_is_not_shown() {
    let server = Server::saying(&rss("")).await;
    let clock = SetClock::new().clock();
    let settings = settings(&format!("{}/blog/?feed=rss2&token=s3cr3t", server.base()));
    let feed = IncidentFeed::new("rekt", &settings, words(), clock).unwrap();
    assert_eq!(feed.incidents().await.unwrap().len(), 1);
    let (path, query) = server.last().await;
    assert_eq!(path, "/blog/");
    let expected = [("feed", "rss2"), ("token", "s3cr3t")];
    assert_eq!(
        query,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let shown = format!("{feed:?} {settings:?}");
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("rss2"),
        "{shown}"
    );
}
