//! The tree of components: reading it from bytes, changing it, writing it.
//!
//! Unknown time is never free, so a page of HTML or a calendar that was cut off must not look like a calendar with few events:
//! [`parse`] fails for them. Otherwise it is lenient: an unreadable line or component is reported and affects no other.
//! Unknown components, properties and parameters keep their place, so that an update preserves them.
//!
//! Rejected: failing on the first bad line, as strict readers do. One event of a careless program would hide all others.

use std::fmt;

use super::line::{MAX_LINE, Property, is_name_byte, parse_line, unfold};
use super::names::{Name, is, upper};
use super::{Problem, Problems};

/// The largest calendar that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// The deepest nesting of components. The standard needs three: `VCALENDAR`, `VEVENT`, `VALARM`.
pub const MAX_DEPTH: usize = 16;

/// A component with its properties and inner components, each in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// In upper case: `VEVENT`.
    pub name: Name,
    pub properties: Vec<Property>,
    pub components: Vec<Component>,
}

/// Why the bytes are not a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableCalendar {
    /// There is no `BEGIN:VCALENDAR`.
    NoCalendar,
    /// `END:VCALENDAR` is missing, so events may be as well.
    CutOff,
    /// More than [`MAX_BYTES`].
    TooLarge { bytes: usize },
}

impl fmt::Display for UnreadableCalendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnreadableCalendar::NoCalendar => f.write_str("this is no iCalendar data: there is no BEGIN:VCALENDAR"),
            UnreadableCalendar::CutOff => f.write_str("the calendar is cut off: END:VCALENDAR is missing"),
            UnreadableCalendar::TooLarge { bytes } => {
                write!(f, "the calendar has {bytes} bytes; at most {MAX_BYTES} are read")
            }
        }
    }
}

impl std::error::Error for UnreadableCalendar {}

/// Reads a calendar. Of a stream with several `VCALENDAR`s, the components of the later ones are added to the first.
///
/// # Errors
/// If the bytes are not a complete calendar. Such an answer says nothing about a person's time.
pub fn parse(input: &[u8]) -> Result<(Component, Vec<Problem>), UnreadableCalendar> {
    if input.len() > MAX_BYTES {
        return Err(UnreadableCalendar::TooLarge { bytes: input.len() });
    }
    let mut reader = Reader::default();
    for line in unfold(input) {
        match line {
            Some(line) => reader.line(&line),
            None => reader.problem(format!("a line is longer than {MAX_LINE} bytes and was left out")),
        }
    }
    reader.finish()
}

impl Component {
    pub fn new(name: &str) -> Component {
        Component { name: upper(name), properties: Vec::new(), components: Vec::new() }
    }

    /// A `VCALENDAR` with what RFC 5545 §3.6 demands, and a `METHOD` if it is a message (RFC 5546); stored objects
    /// must have none (RFC 4791 §4.1).
    pub fn calendar(prodid: &str, method: Option<&str>) -> Component {
        let mut calendar = Component::new("VCALENDAR");
        calendar.properties.push(Property::new("VERSION", "2.0"));
        calendar.properties.push(Property::from_text("PRODID", prodid));
        calendar.properties.push(Property::new("CALSCALE", "GREGORIAN"));
        calendar.properties.extend(method.map(|method| Property::new("METHOD", method)));
        calendar
    }

    /// The first property of this name, which is in upper case.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| is(&property.name, name))
    }

    /// All properties of this name, which is in upper case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| is(&property.name, name))
    }

    /// The value of the first property of this name, unescaped.
    pub fn text(&self, name: &str) -> Option<String> {
        self.property(name).map(Property::text)
    }

    /// The inner components of this name, which is in upper case.
    pub fn inner<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Component> {
        self.components.iter().filter(move |component| is(&component.name, name))
    }

    /// Like [`Component::inner`], to change them.
    pub fn inner_mut<'a>(&'a mut self, name: &'a str) -> impl Iterator<Item = &'a mut Component> {
        self.components.iter_mut().filter(move |component| component.name == name)
    }

    /// Replaces the first property of this name and removes the others, or adds the property.
    pub fn set(&mut self, property: Property) {
        let mut property = Some(property);
        let name = property.as_ref().map(|property| property.name.clone()).unwrap_or_default();
        self.properties.retain_mut(|present| {
            if present.name != name {
                return true;
            }
            match property.take() {
                Some(new) => {
                    *present = new;
                    true
                }
                None => false,
            }
        });
        self.properties.extend(property);
    }

    /// Replaces all properties of this name. `name` is in upper case.
    pub fn set_all(&mut self, name: &str, properties: Vec<Property>) {
        let place = self.properties.iter().position(|property| property.name == name);
        self.remove(name);
        let place = place.unwrap_or(self.properties.len()).min(self.properties.len());
        self.properties.splice(place..place, properties);
    }

    /// Removes all properties of this name. `name` is in upper case.
    pub fn remove(&mut self, name: &str) {
        self.properties.retain(|property| property.name != name);
    }

    /// Writes content lines, folded and ended by CRLF.
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut String) {
        Property::new("BEGIN", self.name.clone()).write(out);
        for property in &self.properties {
            property.write(out);
        }
        for component in &self.components {
            component.write_to(out);
        }
        Property::new("END", self.name.clone()).write(out);
    }
}

/// Components that never lie in one another: when one begins within another, the first was not ended.
fn is_entry(name: &str) -> bool {
    matches!(name, "VEVENT" | "VTODO" | "VJOURNAL" | "VFREEBUSY" | "VTIMEZONE" | "VAVAILABILITY" | "VPOLL")
}

/// The name in BEGIN or END, without characters that a name cannot hold, so that writing and reading agree.
fn component_name(value: &str) -> Name {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(is_name_byte) {
        return upper(value);
    }
    let name: String = value.chars().filter(|character| u8::try_from(*character).is_ok_and(is_name_byte)).collect();
    if name.is_empty() { Name::Borrowed("X-UNNAMED") } else { upper(&name) }
}

#[derive(Default)]
struct Reader {
    /// The components that are open, outermost first. The outermost is a `VCALENDAR`.
    open: Vec<Component>,
    calendar: Option<Component>,
    problems: Problems,
    /// How many components deeper than [`MAX_DEPTH`] we are; nothing of them is kept.
    too_deep: usize,
}

impl Reader {
    fn problem(&mut self, what: impl Into<String>) {
        // A UID stands near the beginning; a component with thousands of bad lines is not searched for each.
        let uid_of = |component: &Component| {
            let uid = component.properties.iter().take(64).find(|property| property.name == "UID")?;
            Some(uid.value.clone())
        };
        let uid = self.open.iter().rev().find_map(uid_of).unwrap_or_default();
        self.problems.add(&uid, what);
    }

    fn line(&mut self, line: &str) {
        let property = match parse_line(line) {
            Ok(property) => property,
            // Text around the calendar is ignored.
            Err(_) if self.open.is_empty() => return,
            Err(_) if line.trim().is_empty() => return,
            Err(bad) => return self.problem(bad.what()),
        };
        match &*property.name {
            "BEGIN" => self.begin(&component_name(&property.value)),
            "END" => self.end(&component_name(&property.value)),
            _ if self.too_deep > 0 => {}
            _ => {
                if let Some(component) = self.open.last_mut() {
                    component.properties.push(property);
                }
            }
        }
    }

    fn begin(&mut self, name: &Name) {
        if self.open.is_empty() {
            if name == "VCALENDAR" {
                self.open.push(Component::new(name));
            }
            return;
        }
        if name == "VCALENDAR" {
            self.problem("a calendar begins before the one before it has ended");
            self.close_down_to(0);
            self.open.push(Component::new(name));
            return;
        }
        if is_entry(name)
            && let Some(index) = self.open.iter().position(|open| is_entry(&open.name))
        {
            self.problem(format!("{} has no END", self.open.get(index).map_or("a component", |open| &open.name)));
            self.too_deep = 0;
            self.close_down_to(index);
        }
        if self.too_deep > 0 || self.open.len() >= MAX_DEPTH {
            if self.too_deep == 0 {
                self.problem(format!("components nest deeper than {MAX_DEPTH}; the inner ones were left out"));
            }
            self.too_deep += 1;
            return;
        }
        self.open.push(Component::new(name));
    }

    fn end(&mut self, name: &Name) {
        if self.open.is_empty() {
            return;
        }
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        match self.open.iter().rposition(|open| open.name == *name) {
            Some(index) => {
                if index + 1 < self.open.len() {
                    self.problem(format!("a component within {name} has no END"));
                }
                self.close_down_to(index);
            }
            None => self.problem("an END belongs to no BEGIN"),
        }
    }

    /// Closes the component at this depth and everything within it.
    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(component) = self.open.pop() else { return };
            match (self.open.last_mut(), &mut self.calendar) {
                (Some(outer), _) => outer.components.push(component),
                (None, Some(calendar)) => calendar.components.extend(component.components),
                (None, none) => *none = Some(component),
            }
        }
    }

    fn finish(self) -> Result<(Component, Vec<Problem>), UnreadableCalendar> {
        if !self.open.is_empty() {
            return Err(UnreadableCalendar::CutOff);
        }
        let calendar = self.calendar.ok_or(UnreadableCalendar::NoCalendar)?;
        Ok((calendar, self.problems.into_vec()))
    }
}
