//! The syntax of a schedule: the subset of cron that every implementation supports.
//!
//! `croner` accepts more (seconds, years, `L`, `W`, `#`, `?`) and misses some mistakes, and its errors do not say which
//! field is invalid. So each field is validated here, and `croner` receives only numbers.

/// In bytes.
const LENGTH_MAX: usize = 255;

pub(super) const DAY_OF_MONTH: usize = 2;
pub(super) const MONTH: usize = 3;

const SUNDAY: u8 = 0;
const SUNDAY_TOO: u8 = 7;

const SHORTCUTS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    /// Of the values from `min` on.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day-of-month", min: 1, max: 31, names: &[] },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    Field {
        name: "day-of-week",
        min: SUNDAY,
        max: SUNDAY_TOO,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

/// The schedule with single spaces, and the same in five fields of numbers.
pub(super) fn parse(text: &str) -> Result<(String, String), String> {
    let text = text.trim();
    if text.len() > LENGTH_MAX {
        return Err(format!("is too long: at most {LENGTH_MAX} bytes"));
    }
    if text.starts_with('@') {
        let shortcut = SHORTCUTS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        let (_, fields) = shortcut.ok_or_else(|| unknown_shortcut(text))?;
        return Ok((text.to_owned(), (*fields).to_owned()));
    }
    let written: Vec<&str> = text.split_whitespace().collect();
    if written.len() != FIELDS.len() {
        return Err(format!(
            "must have 5 fields (minute hour day-of-month month day-of-week), for example \"0 4 * * *\", or be one of \
             {}; it has {}",
            shortcuts(),
            written.len(),
        ));
    }
    let numeric: Vec<String> =
        FIELDS.iter().zip(&written).map(|(field, text)| field.parse(text)).collect::<Result<_, _>>()?;
    Ok((written.join(" "), numeric.join(" ")))
}

/// One parsed field.
pub(super) fn nth(numeric: &str, field: usize) -> &str {
    numeric.split(' ').nth(field).unwrap_or_default()
}

fn shortcuts() -> String {
    SHORTCUTS.map(|(name, _)| name).join(" ")
}

fn unknown_shortcut(text: &str) -> String {
    format!("has an unknown shortcut {text:?}: use one of {}, or five fields", shortcuts())
}

impl Field {
    fn parse(&self, text: &str) -> Result<String, String> {
        if text == "*" {
            return Ok("*".to_owned());
        }
        let parts: Vec<String> = text
            .split(',')
            .map(|part| self.part(part))
            .collect::<Result<_, _>>()
            .map_err(|problem| format!("has a bad {} field {text:?}: {problem}", self.name))?;
        Ok(parts.join(","))
    }

    /// One part of a list: a value, a range or everything, the latter two with or without a step.
    fn part(&self, part: &str) -> Result<String, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let range = match range.split_once('-') {
            _ if range == "*" => format!("{}-{}", self.min, self.max),
            Some((first, last)) => self.range(first, last)?,
            None if step.is_some() => {
                return Err(format!(
                    "a step needs a range: write \"*/n\" or \"{}-{}/n\"",
                    self.min, self.max
                ));
            }
            None => self.value(range)?.to_string(),
        };
        match step {
            Some(step) => Ok(format!("{range}/{}", self.step(step)?)),
            None => Ok(range),
        }
    }

    fn range(&self, first: &str, last: &str) -> Result<String, String> {
        let from = self.value(first)?;
        let mut to = self.value(last)?;
        // Written as a name, Sunday ends the week as well as it begins it.
        if self.max == SUNDAY_TOO && to == SUNDAY && from > SUNDAY {
            to = SUNDAY_TOO;
        }
        if from > to {
            return Err(format!(
                "the range {first}-{last} runs backwards; write \"{from}-{},{}-{to}\"",
                self.max, self.min
            ));
        }
        Ok(format!("{from}-{to}"))
    }

    fn step(&self, text: &str) -> Result<u8, String> {
        match number(text) {
            Some(step) if (1..=self.max).contains(&step) => Ok(step),
            _ => Err(format!("the step must be 1-{}", self.max)),
        }
    }

    fn value(&self, text: &str) -> Result<u8, String> {
        let by_name = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let value = match by_name {
            Some(position) => Some(self.min + position as u8),
            None => number(text),
        };
        value.filter(|value| (self.min..=self.max).contains(value)).ok_or_else(|| self.allowed())
    }

    fn allowed(&self) -> String {
        let (min, max) = (self.min, self.max);
        let names = match self.names {
            [first, .., last] => format!(" or {first}-{last}"),
            _ => String::new(),
        };
        format!("must be {min}-{max}{names}, a list (a,b), a range (a-b), * or a step (*/n)")
    }
}

/// Digits only: `u8::from_str` would also take a sign.
fn number(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
