//! One user of a CalDAV server, and the few requests that put things there for a test to find.
//!
//! They are written out here, without our own provider (which is what the tests are about) and without the client from
//! PyPI (which takes half a second to start). Only what RFC 4791 and HTTP give every server is used.

use anyhow::{Context, bail};
use http::{Method, StatusCode, header};
use serde::Serialize;

use super::http_client;

/// Who and where. Paths begin with a slash and are meant at `origin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// `http://127.0.0.1:43121`
    pub origin: String,
    pub user: String,
    pub password: String,
    /// The path at which a client begins that is told no more: `/`, where the server leads on from there.
    pub start: String,
    /// The path under which the calendars are, with a slash at its end.
    pub home: String,
}

/// The users that a server was started with, and their passwords.
#[derive(Debug)]
pub(super) struct Users(Vec<(String, String)>);

impl Users {
    pub(super) fn of(users: &[(&str, &str)]) -> Self {
        Self(users.iter().map(|&(user, password)| (user.to_owned(), password.to_owned())).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    pub(super) fn password(&self, user: &str) -> anyhow::Result<&str> {
        let known = self.iter().find(|(name, _)| *name == user).map(|(_, password)| password);
        known.with_context(|| format!("the server was started without the user {user}"))
    }

    pub(super) fn set_password(&mut self, user: &str, password: &str) -> anyhow::Result<()> {
        let known = self.0.iter_mut().find(|(name, _)| name == user);
        known.with_context(|| format!("the server was started without the user {user}"))?.1 = password.to_owned();
        Ok(())
    }
}

impl Account {
    /// Makes an empty calendar and gives its path: the home, the name, a slash.
    pub async fn put_calendar(&self, name: &str) -> anyhow::Result<String> {
        let path = format!("{}{name}/", self.home);
        let made = self.send(Method::from_bytes(b"MKCALENDAR")?, &path, None).await?;
        if made.status != StatusCode::CREATED {
            bail!("MKCALENDAR {path} was answered {}", made.status);
        }
        Ok(path)
    }

    /// Stores an iCalendar text under a path, whatever was there, and gives its ETag if the server tells it.
    pub async fn put(&self, path: &str, icalendar: &str) -> anyhow::Result<Option<String>> {
        let put = self.send(Method::PUT, path, Some(icalendar)).await?;
        if !put.status.is_success() {
            bail!("PUT {path} was answered {}: {}", put.status, put.body);
        }
        Ok(put.etag)
    }

    /// The text at a path. `None` if there is no resource.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<String>> {
        let got = self.send(Method::GET, path, None).await?;
        match got.status {
            StatusCode::OK => Ok(Some(got.body)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => bail!("GET {path} was answered {status}: {}", got.body),
        }
    }

    /// Deletes what is under a path. It must be there.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let deleted = self.send(Method::DELETE, path, None).await?;
        if !deleted.status.is_success() {
            bail!("DELETE {path} was answered {}: {}", deleted.status, deleted.body);
        }
        Ok(())
    }

    async fn send(&self, method: Method, path: &str, icalendar: Option<&str>) -> anyhow::Result<Answer> {
        let what = format!("{method} {}{path}", self.origin);
        let mut request = http_client()?
            .request(method, format!("{}{path}", self.origin))
            .basic_auth(&self.user, Some(&self.password));
        if let Some(text) = icalendar {
            request = request.header(header::CONTENT_TYPE, "text/calendar; charset=utf-8").body(text.to_owned());
        }
        let response = request.send().await.with_context(|| what.clone())?;
        let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: response.status(), etag, body: response.text().await.context(what)? })
    }
}

struct Answer {
    status: StatusCode,
    etag: Option<String>,
    body: String,
}
