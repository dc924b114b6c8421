//! Schedules: what may be written, and which times it means, compared with a search minute by minute.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use miosa_domain::schedule::Schedule;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).unwrap_or_else(|error| panic!("{text:?} was refused: {error}"))
}

/// Times as the definition of cron has them: leap days, ends of years, Sundays by both numbers, and either of two days.
#[test]
fn times_of_schedules() {
    // schedule, after, the next one
    let cases = [
        ("0 4 * * *", "2026-03-01T03:59:59.999999999Z", "2026-03-01T04:00:00Z"),
        ("0 4 * * *", "2026-03-01T04:00:00Z", "2026-03-02T04:00:00Z"),
        ("0 4 * * *", "2026-03-01T04:00:00.5Z", "2026-03-02T04:00:00Z"),
        ("* * * * *", "2026-12-31T23:59:30Z", "2027-01-01T00:00:00Z"),
        // Summer time begins and ends in many places on these days, and not here.
        ("30 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T02:30:00Z"),
        ("30 1 * * *", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
        ("0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 29 FEB *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("59 23 31 DEC *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"),
        ("0 0 31 * *", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"),
        // 1 June 2026 is a Monday.
        ("0 0 * * 0", "2026-06-01T00:00:00Z", "2026-06-07T00:00:00Z"),
        ("0 0 * * 7", "2026-06-01T00:00:00Z", "2026-06-07T00:00:00Z"),
        ("0 0 * * fri-sun", "2026-06-06T00:00:00Z", "2026-06-07T00:00:00Z"),
        ("0 0 * * SUN-SUN", "2026-06-01T00:00:00Z", "2026-06-07T00:00:00Z"),
        ("0 0 * * sun-tue", "2026-06-02T00:00:00Z", "2026-06-07T00:00:00Z"),
        ("0 0 4 * WED", "2026-06-01T00:00:00Z", "2026-06-03T00:00:00Z"),
        ("0 0 4 * WED", "2026-06-03T00:00:00Z", "2026-06-04T00:00:00Z"),
        ("5-59/20 */12 * JAN,jul *", "2026-06-01T00:00:00Z", "2026-07-01T00:05:00Z"),
        ("@hourly", "2026-06-01T00:00:00Z", "2026-06-01T01:00:00Z"),
        ("@daily", "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
        ("@Midnight", "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
        ("@weekly", "2026-06-01T00:00:00Z", "2026-06-07T00:00:00Z"),
        ("@monthly", "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ("@yearly", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("@annually", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ];
    for (text, after, next) in cases {
        assert_eq!(schedule(text).next_after(at(after)), Some(at(next)), "{text} after {after}");
    }
}

#[test]
fn the_next_three_times_are_shown() {
    let expected = ["2026-02-28T04:00:00Z", "2026-03-01T04:00:00Z", "2026-03-02T04:00:00Z"].map(at);
    assert_eq!(schedule("0 4 * * *").upcoming(at("2026-02-27T04:00:00Z"), 3), expected);
    assert!(schedule("0 4 * * *").upcoming(at("2026-02-27T04:00:00Z"), 0).is_empty());
    assert!(schedule("@yearly").upcoming(Timestamp::MAX, 3).is_empty(), "the calendar has an end");
}

#[test]
fn schedules_are_kept_as_written() {
    for (written, kept) in [
        ("0 4 * * *", "0 4 * * *"),
        ("  0\t4  * *\n* ", "0 4 * * *"),
        ("0 4 * jan Mon-FRI", "0 4 * jan Mon-FRI"),
        (" @daily ", "@daily"),
        ("@Weekly", "@Weekly"),
    ] {
        let parsed = schedule(written);
        assert_eq!(parsed.as_str(), kept);
        assert_eq!(schedule(kept).as_str(), kept, "what was stored is understood again");
    }
}

/// The refusal names the field at fault and says what may stand there.
#[test]
fn bad_schedules_are_refused_by_field() {
    // written, parts of the message
    let cases: &[(&str, &[&str])] = &[
        ("60 4 * * *", &["bad minute field \"60\"", "0-59"]),
        ("0 25 * * *", &["bad hour field \"25\"", "must be 0-23"]),
        ("0 4 0 * *", &["bad day-of-month field \"0\"", "1-31"]),
        ("0 4 * 13 *", &["bad month field \"13\"", "1-12 or JAN-DEC"]),
        ("0 4 * * 8", &["bad day-of-week field \"8\"", "0-7 or SUN-SAT"]),
        ("0 4 * * MONDAY", &["bad day-of-week field \"MONDAY\""]),
        ("0 MON * * *", &["bad hour field"]),
        ("0 4 * MON *", &["bad month field"]),
        ("JAN 4 * * *", &["bad minute field"]),
        ("0 4 * * *MON", &["bad day-of-week field"]),
        ("0,,5 4 * * *", &["bad minute field"]),
        ("0, 4 * * *", &["bad minute field"]),
        ("+5 4 * * *", &["bad minute field"]),
        ("-5 4 * * *", &["bad minute field"]),
        ("1-2-3 4 * * *", &["bad minute field"]),
        ("*-5 4 * * *", &["bad minute field"]),
        ("0 20-4 * * *", &["bad hour field", "runs backwards", "20-23,0-4"]),
        ("0 4 * * FRI-MON", &["bad day-of-week field", "5-7,0-1"]),
        ("*/0 * * * *", &["bad minute field", "step must be 1-59"]),
        ("*/60 * * * *", &["bad minute field", "step must be 1-59"]),
        ("*/2/3 * * * *", &["bad minute field"]),
        ("*/ * * * *", &["bad minute field"]),
        ("/5 * * * *", &["bad minute field", "*/n"]),
        ("5/10 * * * *", &["bad minute field", "*/n"]),
        ("99999999999999999999 * * * *", &["bad minute field"]),
        // What other crons have and this one does not.
        ("0 4 L * *", &["bad day-of-month field \"L\""]),
        ("0 4 15W * *", &["bad day-of-month field \"15W\""]),
        ("0 4 ? * MON", &["bad day-of-month field \"?\""]),
        ("0 4 * * 5L", &["bad day-of-week field \"5L\""]),
        ("0 4 * * MON#1", &["bad day-of-week field \"MON#1\""]),
        ("0 4 1 * +MON", &["bad day-of-week field \"+MON\""]),
        ("0 0 4 * * *", &["5 fields", "it has 6"]),
        ("0 0 4 * * * 2030", &["5 fields", "it has 7"]),
        ("0 4 * *", &["5 fields", "it has 4"]),
        ("", &["5 fields", "it has 0"]),
        ("daily", &["5 fields", "@daily", "it has 1"]),
        ("@reboot", &["unknown shortcut \"@reboot\"", "@daily"]),
        ("@daily 5", &["unknown shortcut"]),
        ("0 4 @daily * *", &["bad day-of-month field"]),
        ("٣ 4 * * *", &["bad minute field"]),
        ("0 0 30 2 *", &["never comes", "30"]),
        ("0 0 31 APR,JUN *", &["never comes", "31"]),
    ];
    for (written, said) in cases {
        let error = Schedule::parse(written).expect_err(written);
        for part in *said {
            assert!(error.contains(part), "{written:?}: {part:?} is not in {error:?}");
        }
    }
    let long = format!("{} 4 * * *", ["1"; 200].join(","));
    assert!(Schedule::parse(&long).unwrap_err().contains("at most 255"));
}

/// Either day is enough, so a day that no month has does no harm beside a weekday.
#[test]
fn a_weekday_saves_a_day_that_never_comes() {
    let next = schedule("0 0 30 2 MON").next_after(at("2026-02-01T00:00:00Z"));
    assert_eq!(next, Some(at("2026-02-02T00:00:00Z")));
}

/// One part of a field: first, last and step, and whether it is written as `*`.
#[derive(Debug, Clone)]
struct Part {
    first: u8,
    last: u8,
    step: Option<u8>,
    star: bool,
}

/// A field as the definition has it, before it is text.
#[derive(Debug, Clone)]
struct Field(Vec<Part>);

impl Field {
    fn matches(&self, value: u8) -> bool {
        self.0.iter().any(|part| {
            (part.first..=part.last).contains(&value)
                && (value - part.first).is_multiple_of(part.step.unwrap_or(1))
        })
    }

    fn is_star(&self) -> bool {
        matches!(&self.0[..], [Part { star: true, step: None, .. }])
    }

    fn text(&self, names: &[&str]) -> String {
        let value =
            |value: u8| names.get(usize::from(value)).map_or(value.to_string(), |name| (*name).to_owned());
        let part = |part: &Part| {
            let range = match part {
                Part { star: true, .. } => "*".to_owned(),
                Part { first, last, step: None, .. } if first == last => value(*first),
                Part { first, last, .. } => format!("{}-{}", value(*first), value(*last)),
            };
            part.step.map_or(range.clone(), |step| format!("{range}/{step}"))
        };
        self.0.iter().map(part).collect::<Vec<_>>().join(",")
    }
}

/// Minute, hour, day of the month, month, day of the week.
#[derive(Debug, Clone)]
struct Expression([Field; 5]);

impl Expression {
    fn text(&self, by_name: bool) -> String {
        let months = ["", "jan", "Feb", "MAR", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let weekdays = ["sun", "Mon", "TUE", "wed", "thu", "fri", "sat"];
        let names: [&[&str]; 5] = if by_name { [&[], &[], &[], &months, &weekdays] } else { [&[]; 5] };
        self.0.iter().zip(names).map(|(field, names)| field.text(names)).collect::<Vec<_>>().join(" ")
    }

    fn matches_day(&self, day: DateTime) -> bool {
        let [_, _, days, months, weekdays] = &self.0;
        let weekday = day.weekday().to_sunday_zero_offset() as u8;
        let by_day = days.matches(day.day() as u8);
        let by_weekday = weekdays.matches(weekday) || (weekday == 0 && weekdays.matches(7));
        let either = !days.is_star() && !weekdays.is_star();
        months.matches(day.month() as u8) && if either { by_day || by_weekday } else { by_day && by_weekday }
    }

    /// Tries each minute of each day that matches, in order. No two leap days are further apart than 8 years.
    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let [minutes, hours, ..] = &self.0;
        let today = Offset::UTC.to_datetime(after).date();
        (0..9 * 366).find_map(|days| {
            let day = (today + SignedDuration::from_hours(24 * days)).at(0, 0, 0, 0);
            if !self.matches_day(day) {
                return None;
            }
            let midnight = Offset::UTC.to_timestamp(day).unwrap();
            (0..24 * 60_u16).find_map(|minute| {
                let time = midnight + SignedDuration::from_mins(i64::from(minute));
                let matches = hours.matches((minute / 60) as u8) && minutes.matches((minute % 60) as u8);
                (matches && time > after).then_some(time)
            })
        })
    }
}

fn field(min: u8, max: u8) -> impl Strategy<Value = Field> {
    let step = || prop_oneof![2 => Just(None), 1 => (1..=max).prop_map(Some)];
    let star = step().prop_map(move |step| Part { first: min, last: max, step, star: true });
    let value = (min..=max).prop_map(|v| Part { first: v, last: v, step: None, star: false });
    let range = (min..=max, min..=max, step()).prop_map(|(a, b, step)| Part {
        first: a.min(b),
        last: a.max(b),
        step,
        star: false,
    });
    let bare = Just(Field(vec![Part { first: min, last: max, step: None, star: true }]));
    let parts = proptest::collection::vec(prop_oneof![1 => star, 3 => value, 2 => range], 1..4);
    prop_oneof![1 => bare, 2 => parts.prop_map(Field)]
}

fn expression() -> impl Strategy<Value = Expression> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
        .prop_map(|(minute, hour, day, month, weekday)| Expression([minute, hour, day, month, weekday]))
}

/// Any instant of two centuries, half of them around leap days (and the one that 2100 has not) and ends of years.
fn instant() -> impl Strategy<Value = Timestamp> {
    const EDGES: &[&str] =
        &["2000-02-29T00:00:00Z", "2024-03-01T00:00:00Z", "2027-01-01T00:00:00Z", "2100-03-01T00:00:00Z"];
    let near = (proptest::sample::select(EDGES), -172_800_000_000_i64..172_800_000_000)
        .prop_map(|(edge, off)| at(edge) + SignedDuration::from_micros(off));
    let whole_minute = (0..120_000_000_i64).prop_map(|minute| Timestamp::new(minute * 60, 0).unwrap());
    let any = (0..7_000_000_000_i64, 0..1_000_000_000_i32)
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap());
    prop_oneof![2 => near, 1 => whole_minute, 1 => any]
}

proptest! {
    /// Whatever may be written means the times that the definition of cron gives it, one after the other.
    #[test]
    fn times_equal_a_search_minute_by_minute(
        expression in expression(), by_name in any::<bool>(), after in instant(),
    ) {
        let text = expression.text(by_name);
        match Schedule::parse(&text) {
            Ok(schedule) => {
                let mut after = after;
                for _ in 0..3 {
                    let next = expression.next_after(after);
                    prop_assert_eq!(schedule.next_after(after), next, "{} after {}", text, after);
                    after = next.unwrap();
                }
            }
            Err(error) => {
                prop_assert!(error.contains("never comes") || text.len() > 255, "{}: {}", text, error);
                prop_assert_eq!(expression.next_after(after), None, "{} was refused: {}", text, error);
            }
        }
    }

    /// No text makes it fail otherwise than by a refusal, and what it accepts reads back as the same schedule.
    #[test]
    fn any_text_is_understood_or_refused(text in "[@0-9*/,\\- LW#?a-zA-Z]{0,30}|([0-9*]{1,2}[,/-]?[0-9]{0,2} ){4}[0-7]|\\PC{0,20}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            let after = at("2026-06-01T00:00:00Z");
            let again = Schedule::parse(schedule.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), schedule.as_str());
            prop_assert_eq!(again.next_after(after), schedule.next_after(after));
        }
    }
}
