//! A CalDAV server in memory, with the habits of real ones.
//!
//! Real servers prove that the provider works with what exists today; the test crate runs them. What they cannot do is
//! misbehave on demand: ignore a precondition, answer in halves, forget a token, move house between two calls. Each
//! habit here is one that some server has. It reads requests by looking for what they must contain, so a request that
//! is not as the RFC has it finds nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use chronus_sdk::http::{self, HttpError, Request, Response, Url, native};

/// What this server does differently.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    pub(crate) rejects_the_password: bool,
    /// Answers `/.well-known/caldav` with 404.
    pub(crate) has_no_well_known: bool,
    /// Where everything lives.
    pub(crate) root: &'static str,
    /// PUT and DELETE are done whatever the preconditions say.
    pub(crate) ignores_preconditions: bool,
    /// The response to a UID that is taken. `None` if the server does not check.
    pub(crate) uid_taken: Option<u16>,
    /// PUT answers without an entity tag.
    pub(crate) keeps_etags_to_itself: bool,
    /// Answers say `W/"…"`.
    pub(crate) weakens_etags: bool,
    /// Properties, and preconditions, have entity tags without quotes.
    pub(crate) leaves_quotes_away: bool,
    /// Knows sync-collection; how many names it gives at once.
    pub(crate) syncs: Option<usize>,
    /// With what an unknown token is refused; 207 if it is answered as if everything were new.
    pub(crate) token_unknown: u16,
    /// Takes a token of the future for the present one.
    pub(crate) counts_tokens: bool,
    /// Names everything at every look.
    pub(crate) resends: bool,
    pub(crate) has_ctag: bool,
    /// Leaves every second event out of a multiget.
    pub(crate) leaves_out: bool,
    /// Writes `@` in addresses instead of `%40`.
    pub(crate) writes_at: bool,
    /// Value of the DAV header.
    pub(crate) dav: &'static str,
    /// Value of the Server header.
    pub(crate) make: &'static str,
    pub(crate) has_outbox: bool,
    /// What REPORT answers instead of an answer.
    pub(crate) report_fails: Option<u16>,
    /// Fails to search a window.
    pub(crate) chokes_on_windows: bool,
    /// Ends a calendar-query with 507 for the collection.
    pub(crate) cuts_queries_short: bool,
    /// What calendar-query is refused with, and how free-busy-query is answered.
    pub(crate) free_busy: Option<&'static str>,
    /// Finds a series only where it begins.
    pub(crate) knows_no_series: bool,
    /// Finds series only, if an end of the range is a time that 32 bits cannot hold.
    pub(crate) has_32_bit_times: bool,
    /// The person's calendar is the outbox as well.
    pub(crate) work_is_outbox: bool,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            rejects_the_password: false,
            has_no_well_known: false,
            root: "/dav",
            ignores_preconditions: false,
            uid_taken: Some(403),
            keeps_etags_to_itself: false,
            weakens_etags: false,
            leaves_quotes_away: false,
            syncs: Some(usize::MAX),
            token_unknown: 403,
            counts_tokens: false,
            resends: false,
            has_ctag: true,
            leaves_out: false,
            writes_at: false,
            dav: "1, 3, calendar-access",
            make: "test",
            has_outbox: false,
            report_fails: None,
            chokes_on_windows: false,
            cuts_queries_short: false,
            free_busy: None,
            knows_no_series: false,
            has_32_bit_times: false,
            work_is_outbox: false,
        }
    }
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) habits: Habits,
    /// The events of the one calendar, by name.
    pub(crate) events: BTreeMap<String, (u64, String)>,
    /// What changed, in order; the length is the version.
    log: Vec<String>,
    /// `METHOD /path`, in order.
    pub(crate) requests: Vec<String>,
    pub(crate) headers: Vec<Vec<(String, String)>>,
    /// What somebody else does right after the next request of a method.
    rival: Option<(&'static str, Rival)>,
}

type Rival = Box<dyn FnOnce(&mut State)>;

/// A server and the calls that are made while it answers.
#[derive(Clone, Default)]
pub(crate) struct Server(pub(crate) Rc<RefCell<State>>);

pub(crate) const ORIGIN: &str = "https://dav.example";

impl Server {
    pub(crate) fn with(habits: Habits) -> Server {
        let server = Server::default();
        server.0.borrow_mut().habits = habits;
        server
    }

    /// Runs a call of the provider against this server.
    pub(crate) fn call<R>(&self, call: impl FnOnce() -> R) -> R {
        let state = Rc::clone(&self.0);
        native::answering(move |request| state.borrow_mut().answer(request), call)
    }

    pub(crate) fn calendar(&self) -> String {
        format!("{}/ann/work/", self.0.borrow().habits.root)
    }

    /// Puts an event there as another program would.
    pub(crate) fn put(&self, name: &str, data: &str) {
        self.0.borrow_mut().store(name, data);
    }

    pub(crate) fn delete(&self, name: &str) {
        self.0.borrow_mut().remove(name);
    }

    /// Lets somebody else act right after the next request of a method was answered.
    pub(crate) fn after(&self, method: &'static str, rival: impl FnOnce(&mut State) + 'static) {
        self.0.borrow_mut().rival = Some((method, Box::new(rival)));
    }

    pub(crate) fn data(&self, name: &str) -> String {
        self.0.borrow().events.get(name).map(|(_, data)| data.clone()).unwrap_or_default()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.borrow().events.keys().cloned().collect()
    }

    /// The requests since the last time this was asked.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().requests)
    }
}

impl State {
    pub(crate) fn store(&mut self, name: &str, data: &str) {
        self.log.push(name.to_owned());
        self.events.insert(name.to_owned(), (self.log.len() as u64, data.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.log.push(name.to_owned());
        self.events.remove(name);
    }

    fn answer(&mut self, request: &Request) -> Result<Response, HttpError> {
        let response = self.respond(request);
        if self.rival.as_ref().is_some_and(|(method, _)| *method == request.method)
            && let Some((_, act)) = self.rival.take()
        {
            act(self);
        }
        response
    }

    fn respond(&mut self, request: &Request) -> Result<Response, HttpError> {
        let url = Url::parse(&request.url).expect("an address");
        assert_eq!(url.origin(), ORIGIN, "a request went elsewhere");
        let forbidden = ["authorization", "cookie"];
        assert!(request.headers.iter().all(|(name, _)| !forbidden.contains(&name.as_str())));
        self.requests.push(format!("{} {}", request.method, url.path()));
        self.headers.push(request.headers.clone());
        let response = |status| Response::new(&request.url, status);
        let root = self.habits.root;
        if self.habits.rejects_the_password {
            return Ok(response(401).with_header("www-authenticate", "Basic realm=\"x\""));
        }
        if url.path() == "/.well-known/caldav" && !self.habits.has_no_well_known {
            return Ok(response(301).with_header("location", &format!("{root}/")));
        }
        let Some(path) = url.path().strip_prefix(root) else { return Ok(response(404)) };
        let body = String::from_utf8(request.body.clone()).expect("text");
        let depth = request.headers.iter().find(|(name, _)| name == "depth").map(|(_, value)| value.as_str());
        Ok(match (request.method.as_str(), path) {
            ("OPTIONS", _) => response(200).with_header("dav", self.habits.dav).with_header("server", self.habits.make),
            ("PROPFIND", "/") => {
                multistatus(&request.url, &format!("{}{}", found(&format!("{root}/"), PRINCIPAL, root), ""))
            }
            ("PROPFIND", "/ann/") if depth == Some("0") => self.principal(&request.url),
            ("PROPFIND", "/ann/") => self.home(&request.url),
            ("PROPFIND", "/ann/inbox/") => {
                multistatus(&request.url, &found(&format!("{root}/ann/inbox/"), DEFAULT, root))
            }
            ("PROPFIND", "/ann/work/") => multistatus(&request.url, &self.collection()),
            ("REPORT", "/ann/work/") => self.report(request, &body),
            (method, path) => match path.strip_prefix("/ann/work/") {
                Some(name) => self.event(method, name, request, &body),
                None => response(404),
            },
        })
    }

    fn principal(&self, url: &str) -> Response {
        let mut props = HOME.to_owned();
        if self.habits.has_outbox {
            props += OUTBOX;
        }
        multistatus(url, &found(&format!("{}/ann/", self.habits.root), &props, self.habits.root))
    }

    fn home(&self, url: &str) -> Response {
        let root = self.habits.root;
        let one = |path: &str, props: &str| found(&format!("{root}{path}"), props, root);
        let work = match self.habits.work_is_outbox {
            true => WORK.replacen("<c:calendar/>", "<c:calendar/><c:schedule-outbox/>", 1),
            false => WORK.to_owned(),
        };
        let all = [
            one("/ann/", "<d:resourcetype><d:collection/></d:resourcetype>"),
            one("/ann/inbox/", "<d:resourcetype><d:collection/><c:schedule-inbox/></d:resourcetype>"),
            one("/ann/tasks/", TASKS),
            one("/ann/holidays/", HOLIDAYS),
            one("/ann/work/", &work),
            one("/ann/address-book/", "<d:resourcetype><d:collection/></d:resourcetype>"),
        ];
        multistatus(url, &all.concat())
    }

    fn collection(&self) -> String {
        let version = self.log.len();
        let mut props = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>".to_owned();
        if self.habits.has_ctag {
            props += &format!("<s:getctag>v{version}</s:getctag>");
        }
        if self.habits.syncs.is_some() {
            props += &format!("<d:sync-token>t:{version}</d:sync-token>");
        }
        found(&format!("{}/ann/work/", self.habits.root), &props, self.habits.root)
    }

    fn href(&self, name: &str) -> String {
        let name = if self.habits.writes_at { name.replace("%40", "@") } else { name.to_owned() };
        format!("{}/ann/work/{name}", self.habits.root)
    }

    fn etag(&self, version: u64) -> String {
        let quote = if self.habits.leaves_quotes_away { "" } else { "\"" };
        format!("{}{quote}{version}{quote}", if self.habits.weakens_etags { "W/" } else { "" })
    }

    fn member(&self, name: &str, with_data: bool) -> String {
        let Some((version, data)) = self.events.get(name) else {
            let href = self.href(name);
            return format!(
                "<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
            );
        };
        let data = match with_data {
            true => format!("<c:calendar-data><![CDATA[{data}]]></c:calendar-data>"),
            false => String::new(),
        };
        let etag = self.etag(*version).replace('"', "&quot;");
        found(&self.href(name), &format!("<d:getetag>{etag}</d:getetag>{data}"), self.habits.root)
    }

    fn report(&mut self, request: &Request, body: &str) -> Response {
        let cut = || {
            format!("<d:response><d:href>{}</d:href><d:status>HTTP/1.1 507 x</d:status></d:response>", self.href(""))
        };
        if let Some(status) = self.habits.report_fails {
            return Response::new(&request.url, status);
        }
        let with_data = body.contains("<c:calendar-data/>");
        if body.contains("<c:calendar-multiget") {
            let asked = between(body, "<d:href>", "</d:href>");
            let names = asked.iter().map(|href| href.rsplit('/').next().unwrap_or_default());
            let given = names.enumerate().filter(|(index, _)| !self.habits.leaves_out || index % 2 == 0);
            let all: String = given.map(|(_, name)| self.member(name, with_data)).collect();
            return multistatus(&request.url, &all);
        }
        if body.contains("<d:sync-collection") {
            return self.sync(request, body);
        }
        if body.contains("<c:free-busy-query") {
            return match self.habits.free_busy.filter(|answer| !answer.is_empty()) {
                Some(answer) => Response::new(&request.url, 200).with_body("text/calendar", answer),
                None => Response::new(&request.url, 403),
            };
        }
        if self.habits.free_busy.is_some() {
            let error = "<d:error xmlns:d=\"DAV:\"><d:need-privileges/></d:error>";
            return Response::new(&request.url, 403).with_body("application/xml", error);
        }
        assert!(body.contains("<c:comp-filter name=\"VCALENDAR\"><c:comp-filter name=\"VEVENT\">"), "{body}");
        if self.habits.chokes_on_windows && body.contains("<c:time-range") {
            return Response::new(&request.url, 500);
        }
        let uid = between(body, "<c:text-match collation=\"i;octet\">", "</c:text-match>").pop();
        let matches = |data: &str| uid.as_ref().is_none_or(|uid| data.contains(&format!("UID:{uid}\r\n")));
        let from = between(body, "<c:time-range start=\"", "T").pop().filter(|_| self.habits.knows_no_series);
        let begins = |data: &str| between(data, "DTSTART:", "T").pop().unwrap_or_default();
        let end = |name: &str| between(body, &format!(" {name}=\""), "Z").pop();
        let overflows = end("start").is_some_and(|start| *start < *"19011213T204552")
            || end("end").is_some_and(|end| *end > *"20380119T031407");
        let is_lost = |data: &str| self.habits.has_32_bit_times && overflows && !data.contains("RRULE");
        let found = |data: &str| from.as_ref().is_none_or(|from| begins(data) >= *from) && !is_lost(data);
        let events = self.events.iter();
        let events = events.filter(|(_, (_, data))| data.contains("BEGIN:VEVENT") && matches(data) && found(data));
        let mut all: String = events.map(|(name, _)| self.member(name, with_data)).collect();
        if self.habits.cuts_queries_short {
            all += &cut();
        }
        multistatus(&request.url, &all)
    }

    fn sync(&mut self, request: &Request, body: &str) -> Response {
        let token = between(body, "<d:sync-token>", "</d:sync-token>").pop().unwrap_or_default();
        let from = token.strip_prefix("t:").and_then(|version| version.parse::<usize>().ok());
        let from = from.map(|from| if self.habits.counts_tokens { from.min(self.log.len()) } else { from });
        let known = from.filter(|from| *from <= self.log.len() && !self.habits.resends);
        let Some((from, page)) = known.zip(self.habits.syncs) else {
            if self.habits.token_unknown == 207 || self.habits.resends {
                let all: String = self.events.keys().map(|name| self.member(name, false)).collect();
                let token = format!("<d:sync-token>t:{}</d:sync-token>", self.log.len());
                return multistatus(&request.url, &(all + &token));
            }
            let error = "<d:error xmlns:d=\"DAV:\"><d:valid-sync-token/></d:error>";
            return Response::new(&request.url, self.habits.token_unknown).with_body("application/xml", error);
        };
        let until = from.saturating_add(page).min(self.log.len());
        let mut names: Vec<&String> = self.log[from..until].iter().collect();
        names.sort();
        names.dedup();
        // iCloud names the collection among its members.
        let mut all = self.collection();
        all += &names.into_iter().map(|name| self.member(name, false)).collect::<String>();
        if until < self.log.len() {
            all += &format!(
                "<d:response><d:href>{}</d:href><d:status>HTTP/1.1 507 x</d:status></d:response>",
                self.href("")
            );
        }
        all += &format!("<d:sync-token>t:{until}</d:sync-token>");
        multistatus(&request.url, &all)
    }

    fn event(&mut self, method: &str, name: &str, request: &Request, body: &str) -> Response {
        let response = |status| Response::new(&request.url, status);
        let present = self.events.get(name).cloned();
        let header = |wanted: &str| request.headers.iter().find(|(name, _)| name == wanted).map(|(_, v)| v.clone());
        let holds = match (header("if-match"), header("if-none-match"), &present) {
            _ if self.habits.ignores_preconditions => true,
            (Some(etag), _, Some((version, _))) => etag == self.etag(*version).trim_start_matches("W/"),
            (Some(_), _, None) => false,
            (None, Some(_), present) => present.is_none(),
            (None, None, _) => true,
        };
        match (method, present) {
            ("GET", None) | ("DELETE", None) => response(404),
            ("GET", Some((version, data))) => {
                response(200).with_header("etag", &self.etag(version)).with_body("text/calendar", data)
            }
            ("PUT" | "DELETE", _) if !holds => response(412),
            ("DELETE", Some(_)) => {
                self.remove(name);
                response(204)
            }
            ("PUT", present) => {
                assert!(body.starts_with("BEGIN:VCALENDAR\r\n") && !body.contains("METHOD"), "{body}");
                if let Some(status) = self.habits.uid_taken
                    && let Some(holder) = self.holder_of_uid(name, body)
                {
                    let href = self.href(&holder);
                    let error = format!(
                        "<d:error xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><c:no-uid-conflict>\
                         <d:href>{href}</d:href></c:no-uid-conflict></d:error>"
                    );
                    return response(status).with_body("application/xml", error);
                }
                self.store(name, body);
                let done = response(if present.is_some() { 204 } else { 201 });
                if self.habits.keeps_etags_to_itself {
                    done
                } else {
                    done.with_header("etag", &self.etag(self.log.len() as u64))
                }
            }
            _ => response(405),
        }
    }

    fn holder_of_uid(&self, name: &str, body: &str) -> Option<String> {
        let uid = between(body, "\r\nUID:", "\r\n").pop()?;
        let holds = |data: &str| data.contains(&format!("\r\nUID:{uid}\r\n"));
        self.events.iter().find(|(other, (_, data))| *other != name && holds(data)).map(|(other, _)| other.clone())
    }
}

const PRINCIPAL: &str = "<d:current-user-principal><d:href>{root}/ann/</d:href></d:current-user-principal>";
const HOME: &str = "<c:calendar-home-set><d:href>{root}/ann/</d:href></c:calendar-home-set><c:calendar-user-address-set>\
    <d:href>mailto:second@example.com</d:href><d:href preferred=\"1\">MAILTO:ann@example.com</d:href>\
    <d:href>{root}/ann/</d:href></c:calendar-user-address-set>";
const OUTBOX: &str = "<c:schedule-outbox-URL><d:href>{root}/ann/outbox/</d:href></c:schedule-outbox-URL>\
    <c:schedule-inbox-URL><d:href>{root}/ann/inbox/</d:href></c:schedule-inbox-URL>";
const DEFAULT: &str =
    "<c:schedule-default-calendar-URL><d:href>{root}/ann/work</d:href></c:schedule-default-calendar-URL>";
const TASKS: &str = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>\
    <c:supported-calendar-component-set><c:comp name=\"VTODO\"/></c:supported-calendar-component-set>";
const HOLIDAYS: &str = "<d:resourcetype><c:calendar/><d:collection/></d:resourcetype><d:displayname>Holidays</d:displayname>\
    <d:current-user-privilege-set><d:privilege><d:read/></d:privilege></d:current-user-privilege-set>";
const WORK: &str = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Wörk &amp; more</d:displayname>\
    <d:owner><d:href>{root}/ann/</d:href></d:owner><d:current-user-privilege-set><d:privilege><d:read/></d:privilege>\
    <d:privilege><d:write/></d:privilege></d:current-user-privilege-set><c:supported-calendar-component-set>\
    <c:comp name=\"VEVENT\"/><c:comp name=\"VTODO\"/></c:supported-calendar-component-set><c:calendar-timezone>BEGIN:VCALENDAR\n\
VERSION:2.0\nBEGIN:VTIMEZONE\nTZID:W. Europe Standard Time\nEND:VTIMEZONE\nEND:VCALENDAR\n</c:calendar-timezone>";

/// A response with properties that are there, and one that is not.
fn found(href: &str, props: &str, root: &str) -> String {
    let props = props.replace("{root}", root);
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:status>HTTP/1.1 200 OK</d:status><d:prop>{props}</d:prop>\
         </d:propstat><d:propstat><d:prop><d:displayname/><d:getetag/><s:getctag/></d:prop><d:status>HTTP/1.1 404 Not \
         Found</d:status></d:propstat></d:response>"
    )
}

fn multistatus(url: &str, inner: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\"?><d:multistatus xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" \
         xmlns:s=\"http://calendarserver.org/ns/\">{inner}</d:multistatus>"
    );
    Response::new(url, 207).with_body("application/xml", body)
}

fn between(text: &str, start: &str, end: &str) -> Vec<String> {
    let parts = text.split(start).skip(1).filter_map(|part| part.split_once(end).map(|(inner, _)| inner.to_owned()));
    parts.collect()
}

/// The name of an event in the form that requests have it.
pub(crate) fn name(plain: &str) -> String {
    http::encode(plain)
}
