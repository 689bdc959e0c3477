//! File names as coreutils writes them: escaped in its output, quoted in its messages.

use std::ffi::OsStr;

/// A line of the output. It begins with a backslash if the name had to be escaped.
pub(crate) fn line(sum: &str, name: &OsStr) -> Vec<u8> {
    let name = name.as_encoded_bytes();
    let mut escaped = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            other => escaped.push(other),
        }
    }
    let mark: &[u8] = if escaped == name { b"" } else { b"\\" };
    [mark, sum.as_bytes(), b"  ", &escaped, b"\n"].concat()
}

/// The name as a shell would read it back: bare if possible, else in quotes.
pub(crate) fn quoted(name: &OsStr) -> String {
    let bare = name.to_string_lossy();
    let printable = name.to_str().is_some() && !bare.contains(char::is_control);
    let is_special = |c| " !\"$&'()*:;<=>?[\\^`|".contains(c);
    if printable && !bare.is_empty() && !bare.starts_with(['#', '~']) && !bare.contains(is_special)
    {
        return bare.into_owned();
    }
    let fits_double_quotes = |c| !is_special(c) && !"#~".contains(c) || " ':".contains(c);
    if printable && bare.contains('\'') && bare.chars().all(fits_double_quotes) {
        return format!("\"{bare}\"");
    }

    let mut quoted = Quoted::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(|c| quoted.push(c));
        chunk.invalid().iter().for_each(|&b| quoted.push_byte(b));
    }
    quoted.end()
}

/// `'text'`, with `$'…'` for what can't be printed.
struct Quoted {
    text: String,
    escaping: bool,
}

impl Quoted {
    fn new() -> Self {
        Self {
            text: "'".to_owned(),
            escaping: false,
        }
    }

    fn push(&mut self, c: char) {
        if c.is_control() {
            c.to_string().bytes().for_each(|byte| self.push_byte(byte));
            return;
        }
        match (c, self.escaping) {
            ('\'', _) => self.text.push_str("'\\''"),
            (_, true) => self.text.extend(["''", c.encode_utf8(&mut [0; 4])]),
            (_, false) => self.text.push(c),
        }
        self.escaping = false;
    }

    fn push_byte(&mut self, byte: u8) {
        if !self.escaping {
            self.text.push_str("'$'");
            self.escaping = true;
        }
        match byte {
            b'\x07'..=b'\r' => {
                let letter = b"abtnvfr"[usize::from(byte - b'\x07')];
                self.text.extend(['\\', char::from(letter)]);
            }
            _ => self.text.push_str(&format!("\\{byte:03o}")),
        }
    }

    fn end(mut self) -> String {
        self.text.push('\'');
        self.text
    }
}
