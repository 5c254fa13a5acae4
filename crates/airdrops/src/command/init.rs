//! `init`: writes a configuration file that is valid as it is.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use dialoguer::{Confirm, Input};
use serde_json::json;

use crate::cli::{Global, Init};
use crate::config;
use crate::exit::{Exit, Failure};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// `live` or `paper`.
    pub live: bool,
    /// The environment variable that holds the endpoint's address.
    pub endpoint: String,
    /// The keystore, if there is one.
    pub keystore: Option<String>,
    /// Most exposure to one protocol family, in percent.
    pub protocol_limit: u32,
    /// Loss in 24 h that halts everything, in percent.
    pub loss_limit: u32,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            live: false,
            endpoint: "RPC_MAINNET".into(),
            keystore: None,
            protocol_limit: 20,
            loss_limit: 10,
        }
    }
}

/// Writes the file.
///
/// # Errors
/// Exit code 2 if the file exists and `--force` is not given, or if there is nobody to ask.
pub fn init(global: &Global, options: &Init) -> Result<(), Failure> {
    let path = &global.config;
    if path.exists() && !options.force {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "{} exists and stays as it is; `--force` overwrites it, `--config FILE` writes another",
                path.display()
            ),
        ));
    }
    let answers = if options.defaults {
        Answers::default()
    } else if std::io::stdin().is_terminal() {
        ask().map_err(|error| Failure::failed(error.to_string()))?
    } else {
        return Err(Failure::new(
            Exit::Usage,
            "there is no terminal to ask at: `airdrops init --defaults` writes a paper configuration (`--force` overwrites)",
        ));
    };
    write(path, &text(&answers), options.force)?;
    let next = if answers.live {
        format!(
            "export {}=https://… and then `airdrops config check`",
            answers.endpoint
        )
    } else {
        format!(
            "export {}=https://…   an Ethereum endpoint: paper mode copies its chain; \
             without it that chain is empty and every task waits for prices\n      \
             airdrops config check   what it would do\n      \
             airdrops once           one look at the world; `airdrops run` goes on until stopped\n      \
             airdrops status         what it did, and what waits for what",
            answers.endpoint
        )
    };
    super::answer(
        global,
        &format!("Written: {}\nNext: {next}", path.display()),
        &json!({ "written": path.display().to_string() }),
    );
    // The file is valid by construction; what is still missing on this machine is told at once.
    if let Err(error) = config::load(path)
        && !global.json
    {
        anstream::eprint!("\nBefore it can run:\n{}", error.render());
    }
    Ok(())
}

fn ask() -> dialoguer::Result<Answers> {
    let default = Answers::default();
    let paper = Confirm::new()
        .with_prompt("Start in paper mode, where nothing real is sent?")
        .default(true)
        .interact()?;
    let endpoint: String = Input::new()
        .with_prompt("Environment variable that holds the Ethereum endpoint's address")
        .default(default.endpoint)
        .validate_with(|name: &String| {
            is_variable(name)
                .then_some(())
                .ok_or("letters, digits and _")
        })
        .interact_text()?;
    let keystore: String = Input::new()
        .with_prompt("Keystore file (geth V3); empty for none, which only paper mode allows")
        .allow_empty(paper)
        .validate_with(|path: &String| {
            let bad = path
                .chars()
                .any(|c| matches!(c, '"' | '\\') || c.is_control());
            if bad {
                Err("no quotes and backslashes")
            } else {
                Ok(())
            }
        })
        .interact_text()?;
    let percent = |prompt: &str, default: u32, most: u32| -> dialoguer::Result<u32> {
        Input::new()
            .with_prompt(prompt)
            .default(default)
            .validate_with(move |value: &u32| {
                if (1..=most).contains(value) {
                    Ok(())
                } else {
                    Err(format!("from 1 to {most}"))
                }
            })
            .interact_text()
    };
    Ok(Answers {
        live: !paper,
        endpoint,
        keystore: Some(keystore).filter(|path| !path.is_empty()),
        protocol_limit: percent("Most exposure to one protocol, in percent", 20, 100)?,
        loss_limit: percent("Loss in 24 h that halts everything, in percent", 10, 50)?,
    })
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if overwrite {
        options.create(true).truncate(true);
    } else {
        // Also when the file appeared since the check.
        options.create_new(true);
    }
    let failed = |error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// The file for these answers.
#[must_use]
pub fn text(answers: &Answers) -> String {
    let mode = if answers.live { "live" } else { "paper" };
    let keystore = match &answers.keystore {
        Some(path) => format!(
            "keystore = \"{path}\"\n# passphrase = {{ file = \"passphrase.txt\" }}   # default: asked at the terminal"
        ),
        None => {
            "# keystore = \"wallet.json\"   # needed in live mode\npaper_balance = \"10\"".into()
        }
    };
    // On paper something should happen at once; with real money at a time that was chosen.
    let trigger = if answers.live {
        "cron = \"0 9 * * MON\"\nzone = \"UTC\""
    } else {
        "every = \"24h\"                     # the first time as soon as it runs"
    };
    include_str!("init.toml")
        .replace("@trigger@", trigger)
        .replace("@mode@", mode)
        .replace("@endpoint@", &answers.endpoint)
        .replace("@keystore@", &keystore)
        .replace("@protocol_limit@", &answers.protocol_limit.to_string())
        .replace("@loss_limit@", &answers.loss_limit.to_string())
}
