//! Recorded data: text files, plain or gzip.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::exit::Failure;

/// Longer texts are refused: a small gzip file can hold any amount.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The text of a file, unpacked if it is gzip by its content.
///
/// # Errors
/// If it cannot be read or unpacked, is too long, or is not UTF-8.
pub fn read(path: &Path) -> Result<String, Failure> {
    let failed = |what: String| Failure::failed(format!("{}: {what}", path.display()));
    let mut packed = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut packed))
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    let mut bytes = Vec::new();
    if packed.starts_with(&GZIP_MAGIC) {
        MultiGzDecoder::new(&packed[..])
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(format!("is broken gzip: {error}. Fetch it again")))?;
    } else {
        bytes = packed;
    }
    if bytes.len() as u64 > MAX_BYTES {
        let limit = MAX_BYTES / (1024 * 1024);
        return Err(failed(format!(
            "is longer than {limit} MiB: split it into parts"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        failed(format!(
            "is not text: byte {at} is not UTF-8. Text and gzip are read"
        ))
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}
