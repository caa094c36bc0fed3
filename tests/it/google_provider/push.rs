//! Google sends a notification when a calendar changes, and the notification names the subscription.

use super::{ANN, TWO_WAY, World, draft};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use chronus_host::clock::Clock;
use chronus_host::locks;
use chronus_host::plugins::contract::Callback;
use chronus_host::plugins::contract::{CallbackRequest, Hint, Notice, Notify};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

type Headers = Vec<(String, Vec<u8>)>;

/// The requests that a callback received.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<Headers>>>);

impl Inbox {
    /// Listens until the test ends. Returns the address.
    async fn listen(&self) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}/in", listener.local_addr()?);
        let routes = Router::new().route("/in", post(keep)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(address)
    }

    fn take(&self) -> Vec<Headers> {
        std::mem::take(&mut *locks::lock(&self.0))
    }
}

fn request(headers: &Headers) -> CallbackRequest<'_> {
    CallbackRequest { method: "POST", headers, query: "", body: b"" }
}

async fn keep(State(inbox): State<Inbox>, headers: HeaderMap) {
    let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    locks::lock(&inbox.0).push(headers);
}

#[tokio::test]
async fn a_change_is_heard_of_until_the_subscription_ends() -> anyhow::Result<()> {
    let world = World::new().await?;
    let access = world.access(ANN, &TWO_WAY)?;
    let inbox = Inbox::default();
    let callback = Callback {
        url: inbox.listen().await?,
        secret: "a-secret-of-this-subscription".into(),
        expires: Clock::System.now() + SignedDuration::from_hours(48),
    };
    let first = world.plugin.subscribe(&access, ANN, &callback).await?.value;
    assert_eq!(first.expires.map(Timestamp::as_second), Some(callback.expires.as_second()));
    world.google.settle().await;
    let came = inbox.take();
    assert_eq!(came.len(), 1, "the first call only says that there is a channel");
    let read = world.plugin.parse_notification(request(&came[0])).await?;
    assert_eq!((read.response.status, read.hints), (200, vec![]));

    world.plugin.create(&access, ANN, "meeting-1", draft(0, 1), Notify::None).await?;
    world.google.settle().await;
    let came = inbox.take();
    assert_eq!(came.len(), 1);
    let read = world.plugin.parse_notification(request(&came[0])).await?;
    let hint = Hint {
        subscription: first.id.clone(),
        secret: Some("a-secret-of-this-subscription".into()),
        notice: Notice::Changed,
    };
    assert_eq!((read.response.status, read.hints), (200, vec![hint]));

    // A subscription cannot be extended: a second one exists beside it until the host ends the old one.
    let second = world.plugin.renew(&access, ANN, &first, &callback).await?.value;
    assert_ne!(first.id, second.id);
    let mut alive = [first.id.clone(), second.id.clone()];
    alive.sort_unstable();
    assert_eq!(world.google.channels(), alive);
    for _ in 0..2 {
        world.plugin.unsubscribe(&access, &first).await?;
    }
    assert_eq!(world.google.channels(), std::slice::from_ref(&second.id));
    world.plugin.unsubscribe(&access, &second).await?;
    world.google.settle().await;
    inbox.take();
    world.plugin.create(&access, ANN, "meeting-2", draft(2, 3), Notify::None).await?;
    world.google.settle().await;
    assert_eq!(inbox.take().len(), 0);
    Ok(())
}
