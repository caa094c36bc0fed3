//! A browser without a window: it keeps cookies, sends forms with the token of the page, and does not follow redirects, so
//! that a test sees every step. `peers::Browser` is for tests that need a real browser.

use anyhow::{Context, ensure};
use chronus_host::locks;
use reqwest::{Method, RequestBuilder, header, redirect};
use std::{collections::BTreeMap, sync::Mutex};

use crate::host::PATIENCE;

/// The name of the field with the token.
pub const TOKEN: &str = "form-token";

/// The browser of one person.
#[derive(Debug)]
pub struct Visitor {
    http: reqwest::Client,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// The response to a request for a page.
#[derive(Debug, Clone)]
pub struct PageResponse {
    pub status: u16,
    /// The target of a redirect.
    pub location: Option<String>,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Visitor {
    /// A browser without cookies.
    pub fn new(origin: &str) -> anyhow::Result<Self> {
        let http =
            reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(PATIENCE).build()?;
        Ok(Self { http, origin: origin.to_owned(), cookies: Mutex::default() })
    }

    /// Gets a page.
    pub async fn get(&self, path: &str) -> anyhow::Result<PageResponse> {
        self.send(self.request(Method::GET, path)?).await
    }

    /// Sends the form of a page, as a browser does: `page` is where its token comes from.
    pub async fn post(&self, page: &PageResponse, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<PageResponse> {
        let token = page.token()?;
        self.send(self.form(path, &[fields, &[(TOKEN, &token)]].concat())?.header("origin", &self.origin)).await
    }

    /// A request with a form and the cookies, without headers about its origin.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<RequestBuilder> {
        let body: String = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let request = self.request(Method::POST, path)?;
        Ok(request.header("content-type", "application/x-www-form-urlencoded").body(body))
    }

    /// A request with the cookies.
    pub fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let mut request = self.http.request(method, format!("{}{path}", self.origin));
        let cookies = locks::lock(&self.cookies);
        if !cookies.is_empty() {
            let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        Ok(request)
    }

    /// Sends a request, and keeps the cookies of the answer.
    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<PageResponse> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for cookie in headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str()?.split_once(';').context("a cookie without attributes")?;
            let (name, value) = pair.split_once('=').context("a cookie without a value")?;
            let mut cookies = locks::lock(&self.cookies);
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = headers.get(header::LOCATION).map(|to| to.to_str().map(str::to_owned)).transpose()?;
        Ok(PageResponse { status, location, headers, text: answer.text().await? })
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        locks::lock(&self.cookies).get(name).cloned()
    }

    /// Sets a cookie, as an attacker would.
    pub fn set_cookie(&self, name: &str, value: &str) {
        locks::lock(&self.cookies).insert(name.to_owned(), value.to_owned());
    }

    /// Uses a link from a mail: gets its page, and presses the button.
    pub async fn sign_in(&self, link: &str) -> anyhow::Result<PageResponse> {
        let path = link.strip_prefix(&self.origin).unwrap_or(link);
        let page = self.get(path).await?;
        ensure!(page.status == 200, "{}: {}", page.status, page.text);
        self.post(&page, path, &[]).await
    }
}

impl PageResponse {
    /// The token of the page's forms.
    pub fn token(&self) -> anyhow::Result<String> {
        let (_, rest) = self.text.split_once("name=\"form-token\" value=\"").with_context(|| self.text.clone())?;
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }

    /// Checks that the response redirects to this path.
    pub fn leads_to(&self, path: &str) -> anyhow::Result<()> {
        let there = self.location.as_deref();
        ensure!(
            self.status == 303 && there == Some(path),
            "{} to {there:?}, not to {path}: {}",
            self.status,
            self.text
        );
        Ok(())
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}
