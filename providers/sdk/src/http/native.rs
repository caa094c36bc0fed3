//! A function in the service's place, for tests outside of a host.
//!
//! A provider compiled for the machine it is developed on has no host and hence no network. That is what makes its
//! tests exact: [`answering`] gives each request to a function of the test, on this thread only, and nothing leaves
//! the process. Without one, a request fails with [`HttpError::Refused`], and says why.

use std::cell::RefCell;

use super::{HttpError, Request, Response, Url};

type Answer<'a> = Box<dyn FnMut(&Request) -> Result<Response, HttpError> + 'a>;

thread_local! {
    static ANSWER: RefCell<Option<Answer<'static>>> = const { RefCell::new(None) };
}

/// Runs `call`; each request that it sends is answered by `answer`. The function must not itself send.
pub fn answering<R>(
    answer: impl FnMut(&Request) -> Result<Response, HttpError> + 'static,
    call: impl FnOnce() -> R,
) -> R {
    /// Puts back what was there, also when a test panics.
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
        None => Err(HttpError::Refused("there is no host: tests put a function in its place, http::native".to_owned())),
    })
}
