//! A browser at the service's page: it follows redirects, reads the forms that it finds, and sends what a person chooses.

use super::world::{Choice, REDIRECT};
use anyhow::{Context as _, bail};
use reqwest::{Client, Response, header::LOCATION, redirect::Policy};
use std::time::Duration;
use url::{Url, form_urlencoded};

/// A form as a page has it.
#[derive(Debug, Default)]
struct Form {
    action: String,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    value: String,
    kind: String,
    checked: bool,
}

/// Opens the page and makes the choice as this user; gives the address that the browser is sent back to.
pub(super) async fn choose(page: &Url, user: &str, choice: Choice) -> anyhow::Result<Url> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(60)).build()?;
    let mut at = page.clone();
    let mut answer = client.get(at.clone()).send().await?;
    for _ in 0..10 {
        if let Some(next) = led_to(&at, &answer)? {
            if next.as_str().starts_with(REDIRECT) {
                return Ok(next);
            }
            at = next;
            answer = client.get(at.clone()).send().await?;
            continue;
        }
        let status = answer.status();
        let text = answer.text().await?;
        let form = forms(&text).into_iter().next().with_context(|| format!("{status}: no form in {text}"))?;
        let body = fill(&form, user, choice);
        at = at.join(&form.action)?;
        let sent = client.post(at.clone()).header("content-type", "application/x-www-form-urlencoded").body(body);
        answer = sent.send().await?;
    }
    bail!("the service's pages do not end")
}

fn led_to(at: &Url, answer: &Response) -> anyhow::Result<Option<Url>> {
    let Some(location) = answer.headers().get(LOCATION).filter(|_| answer.status().is_redirection()) else {
        return Ok(None);
    };
    Ok(Some(at.join(location.to_str()?)?))
}

/// What is sent of a form: the account of the user, the scopes that are left ticked, and the button that is pressed.
fn fill(form: &Form, user: &str, choice: Choice) -> String {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for field in &form.fields {
        let sent = match (field.kind.as_str(), choice) {
            ("checkbox", Choice::Without(scope)) => field.checked && !field.value.ends_with(scope),
            ("checkbox", _) => field.checked,
            ("radio", _) => field.value == user,
            ("submit", Choice::Cancel) => matches!(&*field.value, "cancel" | "deny"),
            ("submit", _) => matches!(&*field.value, "allow" | "continue" | "next"),
            _ => true,
        };
        if sent && !field.name.is_empty() {
            body.append_pair(&field.name, &field.value);
        }
    }
    body.finish()
}

/// The forms of a page of ours: well-formed, attributes in double quotes.
fn forms(page: &str) -> Vec<Form> {
    page.split("<form").skip(1).map(|text| form(text.split("</form>").next().unwrap_or(text))).collect()
}

fn form(text: &str) -> Form {
    let head = text.split('>').next().unwrap_or_default();
    let mut form = Form { action: attribute(head, "action").unwrap_or_default(), fields: vec![] };
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let default = match tag.split_whitespace().next() {
            Some("input") => "text",
            Some("button") => "submit",
            _ => continue,
        };
        form.fields.push(Field {
            name: attribute(tag, "name").unwrap_or_default(),
            value: attribute(tag, "value").unwrap_or_else(|| "on".into()),
            kind: attribute(tag, "type").unwrap_or_else(|| default.into()),
            checked: tag.split_whitespace().any(|word| word.trim_end_matches('/') == "checked"),
        });
    }
    form
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#38;", "&")
            .replace("&amp;", "&"),
    )
}

#[test]
fn a_form_is_read_as_a_browser_reads_it() {
    let page = "<h1>Hi</h1><form method=\"post\" action=\"/decide?a=1&amp;b=2\"><input type=\"hidden\" name=\"s\" value=\"x&amp;y\">\
                <input type=\"checkbox\" name=\"scope\" value=\"events\" checked><button name=\"do\" value=\"allow\">Allow</button>\
                <button name=\"do\" value=\"cancel\">Cancel</button></form>";
    let form = &forms(page)[0];
    assert_eq!(form.action, "/decide?a=1&b=2");
    assert_eq!(fill(form, "ann", Choice::All), "s=x%26y&scope=events&do=allow");
    assert_eq!(fill(form, "ann", Choice::Without("events")), "s=x%26y&do=allow");
    assert_eq!(fill(form, "ann", Choice::Cancel), "s=x%26y&scope=events&do=cancel");
}
