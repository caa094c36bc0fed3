//! Answers to requests in tests, without a host.
//!
//! A provider that is compiled for the developer's machine has no host and hence no network. [`answering`] gives each request
//! of the current thread to a function of the test. Outside of it, a request fails with [`HttpError::Refused`].

use std::cell::RefCell;

use super::{HttpError, Request, Response, Url};

type Answer<'a> = Box<dyn FnMut(&Request) -> Result<Response, HttpError> + 'a>;

thread_local! {
    static ANSWER: RefCell<Option<Answer<'static>>> = const { RefCell::new(None) };
}

/// Runs `call` and answers each request that it sends with `answer`, which must not itself send requests.
///
/// `answer` is kept in a thread-local variable while `call` runs, so it must own what it uses (`'static`): pass it `move`
/// and clone what the test needs afterwards, or share it by an `Rc`.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// use chronus_sdk::http::{self, Request, Response, native};
///
/// let (body, count) = ("free".to_owned(), Rc::new(Cell::new(0)));
/// let counted = Rc::clone(&count);
/// let answer = move |request: &Request| {
///     counted.set(counted.get() + 1);
///     Ok(Response::new(&request.url, 200).with_body("text/plain", body.clone()))
/// };
/// let response = native::answering(answer, || http::send(&Request::new("GET", "https://api.example.com/")));
/// assert_eq!((response.unwrap().text().as_ref(), count.get()), ("free", 1));
/// ```
pub fn answering<R>(
    answer: impl FnMut(&Request) -> Result<Response, HttpError> + 'static,
    call: impl FnOnce() -> R,
) -> R {
    /// Restores the previous function, also when a test panics.
    struct Restore(Option<Answer<'static>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let previous = self.0.take();
            ANSWER.with(|slot| *slot.borrow_mut() = previous);
        }
    }
    let _restore = Restore(ANSWER.with(|slot| slot.borrow_mut().replace(Box::new(answer))));
    call()
}

pub(super) fn send(request: &Request, _url: &Url) -> Result<Response, HttpError> {
    ANSWER.with(|slot| match slot.borrow_mut().as_mut() {
        Some(answer) => {
            let response = answer(request)?;
            if response.body.len() > request.limit {
                return Err(HttpError::TooBig(request.limit as u64));
            }
            Ok(response)
        }
        None => Err(HttpError::Refused(
            "there is no host here; tests answer requests by http::native::answering".to_owned(),
        )),
    })
}
