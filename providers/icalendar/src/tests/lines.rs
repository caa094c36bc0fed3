//! Content lines and components.

use crate::component::{MAX_DEPTH, UnreadableCalendar};
use crate::line::{MAX_LINE, Property, escape, split_list, unescape};
use crate::{Component, parse};

fn whole(lines: &str) -> (Component, Vec<String>) {
    let (calendar, problems) = parse(lines.as_bytes()).unwrap();
    (calendar, problems.into_iter().map(|problem| problem.what).collect())
}

#[test]
fn what_is_no_whole_calendar_is_refused() {
    assert_eq!(parse(b"<html><body>Sign in</body></html>"), Err(UnreadableCalendar::NoCalendar));
    assert_eq!(parse(b""), Err(UnreadableCalendar::NoCalendar));
    assert_eq!(parse(b"BEGIN:VEVENT\nEND:VEVENT\n"), Err(UnreadableCalendar::NoCalendar));
    assert_eq!(parse(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nBEGIN:VEV"), Err(UnreadableCalendar::CutOff));
    assert_eq!(parse(b"BEGIN:VCALENDAR\nVERSION:2.0\n"), Err(UnreadableCalendar::CutOff));
}

#[test]
fn line_ends_bom_blank_lines_and_folds_of_all_kinds_are_read() {
    let (calendar, problems) = whole(
        "\u{feff}BEGIN:VCALENDAR\n\nBEGIN:VEVENT\r\r\nSUMMARY:one\r\n  two\r\n\t three\n\nDESCRIPTION:a\n\n b\nEND:VEVENT\nEND:VCALENDAR",
    );
    assert_eq!(problems, Vec::<String>::new());
    let event = calendar.inner("VEVENT").next().unwrap();
    assert_eq!(event.text("SUMMARY").unwrap(), "one two three");
    assert_eq!(event.text("DESCRIPTION").unwrap(), "ab");
}

#[test]
fn a_fold_within_a_character_does_not_break_it() {
    let mut text = b"BEGIN:VCALENDAR\r\nX-A:caf\xC3\r\n \xA9\r\nEND:VCALENDAR\r\n".to_vec();
    assert_eq!(parse(&text).unwrap().0.text("X-A").unwrap(), "café");
    // What is not UTF-8 at all costs that character alone.
    text = b"BEGIN:VCALENDAR\r\nX-A:caf\xE9\r\nEND:VCALENDAR\r\n".to_vec();
    assert_eq!(parse(&text).unwrap().0.text("X-A").unwrap(), "caf\u{FFFD}");
}

#[test]
fn parameters_are_unquoted_and_decoded() {
    let (calendar, _) = whole(
        "BEGIN:VCALENDAR\nattendee;cn=\"Doe, Jane; ^'JD^' ^^ ^n\";X-A=1,\"2,3\";RSVP=TRUE:mailto:a@b.example\nEND:VCALENDAR",
    );
    let property = calendar.property("ATTENDEE").unwrap();
    assert_eq!(property.parameter("CN"), Some("Doe, Jane; \"JD\" ^ \n"));
    assert_eq!(property.parameters[1].values, ["1", "2,3"]);
    assert_eq!(property.value, "mailto:a@b.example");
}

#[test]
fn bad_lines_are_named_and_left_out() {
    let (calendar, problems) = whole(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nno colon here\n:nothing\nX Y:1\nSUMMARY;A=\"open:1\nLOCATION:here\nEND:VEVENT\nEND:VCALENDAR",
    );
    assert_eq!(problems.len(), 4, "{problems:?}");
    let event = calendar.inner("VEVENT").next().unwrap();
    assert_eq!(event.properties.len(), 2);
    assert_eq!(event.text("LOCATION").unwrap(), "here");
}

#[test]
fn a_component_without_end_costs_no_other() {
    let (calendar, problems) = whole(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nACTION:AUDIO\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR",
    );
    let uids: Vec<_> = calendar.inner("VEVENT").filter_map(|event| event.text("UID")).collect();
    assert_eq!(uids, ["1", "2"]);
    assert_eq!(problems, ["VEVENT has no END"]);
}

#[test]
fn deep_nesting_is_cut() {
    let depth = 100_000;
    let text =
        format!("BEGIN:VCALENDAR\n{}{}UID:1\nEND:VCALENDAR\n", "BEGIN:X-A\n".repeat(depth), "END:X-A\n".repeat(depth));
    let (calendar, problems) = whole(&text);
    assert_eq!(problems.len(), 1);
    assert_eq!(calendar.text("UID").unwrap(), "1");
    let mut levels = 1;
    let mut inner = &calendar;
    while let Some(next) = inner.components.first() {
        levels += 1;
        inner = next;
    }
    assert_eq!(levels, MAX_DEPTH);
}

#[test]
fn a_line_that_is_too_long_is_left_out_and_named() {
    let long = "x".repeat(MAX_LINE);
    for text in [format!("X-A:{long}"), format!("X-A:{}\n {}", &long[..MAX_LINE / 2], &long[..MAX_LINE / 2])] {
        let (calendar, problems) = whole(&format!("BEGIN:VCALENDAR\n{text}\nUID:1\nEND:VCALENDAR\n"));
        assert_eq!((calendar.properties.len(), problems.len()), (1, 1));
    }
}

#[test]
fn calendars_of_one_stream_are_put_together() {
    let (calendar, problems) = whole(
        "BEGIN:VCALENDAR\nPRODID:a\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR\nPRODID:b\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR\n",
    );
    assert_eq!((calendar.inner("VEVENT").count(), calendar.all("PRODID").count(), problems.len()), (2, 1, 0));
}

#[test]
fn lines_are_folded_at_75_octets_and_never_within_a_character() {
    let text = "ä€😀".repeat(100);
    let mut out = String::new();
    Property::from_text("SUMMARY", &text).write(&mut out);
    let lines: Vec<&str> = out.split("\r\n").collect();
    assert!(lines.len() > 10);
    assert!(lines.iter().all(|line| line.len() <= 75), "{lines:?}");
    // A character has four octets at most, so no line is shorter than it must be.
    assert!(lines[..lines.len() - 2].iter().all(|line| line.len() >= 72));
    let (calendar, _) = whole(&format!("BEGIN:VCALENDAR\r\n{out}END:VCALENDAR\r\n"));
    assert_eq!(calendar.text("SUMMARY").unwrap(), text);
}

#[test]
fn text_is_escaped_and_lists_are_cut_at_bare_commas() {
    let text = "a\\b;c,d\ne\r\nf\rg\"h:i";
    assert_eq!(escape(text), "a\\\\b\\;c\\,d\\ne\\nf\\ng\"h:i");
    assert_eq!(unescape(&escape(text)), "a\\b;c,d\ne\nf\ng\"h:i");
    assert_eq!(unescape("\\N\\x\\"), "\nx\\");
    assert_eq!(split_list("a\\,b,c\\\\,d").collect::<Vec<_>>(), ["a\\,b", "c\\\\", "d"]);
}

#[test]
fn nothing_breaks_out_of_a_line() {
    let mut out = String::new();
    let property = Property::new("X-A", "1\r\nX-B:2\n\u{7}3").with("X-P", "a\r\nb\"c\u{0}:");
    property.write(&mut out);
    assert_eq!(out, "X-A;X-P=\"a^nb^'c:\":1\\nX-B:2\\n3\r\n");
}

#[test]
fn what_is_not_known_keeps_its_place() {
    let text = "BEGIN:VCALENDAR\r\nX-ONE;X-P=q:1\r\nBEGIN:VEVENT\r\nUID:1\r\nX-TWO:\\t\r\nSUMMARY:s\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nX-THREE:3\r\nEND:VALARM\r\nBEGIN:X-FOUR\r\nEND:X-FOUR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let (mut calendar, _) = whole(text);
    assert_eq!(calendar.write(), text);
    calendar.components[0].set(Property::from_text("SUMMARY", "t"));
    assert_eq!(calendar.write(), text.replace("SUMMARY:s", "SUMMARY:t"));
}

#[test]
fn setting_replaces_the_first_and_removes_the_others() {
    let mut component = Component::new("VEVENT");
    for value in ["1", "2", "3"] {
        component.properties.push(Property::new("X-A", value));
        component.properties.push(Property::new("X-B", value));
    }
    component.set(Property::new("X-A", "new"));
    component.set_all("X-B", vec![Property::new("X-B", "p"), Property::new("X-B", "q")]);
    component.set(Property::new("X-C", "c"));
    let written: Vec<String> = component.properties.iter().map(Property::line).collect();
    assert_eq!(written, ["X-A:new", "X-B:p", "X-B:q", "X-C:c"]);
}
