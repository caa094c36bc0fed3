//! Equal questions that are asked at the same moment are asked once, and all callers get the answer.
//!
//! All callers poll the same future, so it goes on when the first caller has gone, and ends when all have. Rejected:
//! keeping answers for later callers, who would get an old one.

use crate::locks;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex},
};

type Answer<V> = BoxFuture<'static, V>;

/// The questions under way. Cheap to clone.
pub struct Joined<K, V>(Arc<Mutex<HashMap<K, WeakShared<Answer<V>>>>>)
where
    V: Clone;

impl<K, V> Joined<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Asks, unless the same is being asked: then waits for that answer.
    pub async fn ask(&self, key: K, question: impl Future<Output = V> + Send + 'static) -> V {
        self.join(key, question).await
    }

    fn join(&self, key: K, question: impl Future<Output = V> + Send + 'static) -> Shared<Answer<V>> {
        let mut asked = locks::lock(&self.0);
        if let Some(answer) = asked.get(&key).and_then(WeakShared::upgrade) {
            return answer;
        }
        // Questions that all askers have left.
        asked.retain(|_, answer| answer.upgrade().is_some());
        let (joined, name) = (self.clone(), key.clone());
        let answer = async move {
            let answer = question.await;
            locks::lock(&joined.0).remove(&name);
            answer
        };
        let answer = answer.boxed().shared();
        asked.extend(answer.downgrade().map(|weak| (key, weak)));
        answer
    }
}

impl<K, V: Clone> Clone for Joined<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V: Clone> Default for Joined<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V: Clone> fmt::Debug for Joined<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Joined")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn equal_questions_are_asked_once_and_others_for_themselves() {
        let (joined, asked) = (Joined::default(), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(0));
        let ask = |key: &'static str| {
            let (asked, gate) = (asked.clone(), gate.clone());
            joined.ask(key, async move {
                let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
                gate.acquire().await.unwrap().forget();
                (key, number)
            })
        };
        // The first asker goes away; the others get the answer all the same.
        let mut first = Box::pin(ask("one"));
        assert!(first.as_mut().now_or_never().is_none());
        let mut others = Box::pin(join_all((0..50).map(|_| ask("one"))));
        assert!(others.as_mut().now_or_never().is_none());
        drop(first);
        gate.add_permits(1);
        assert_eq!(others.await, vec![("one", 1); 50]);
        // Later it is another question, and so is what was left by all.
        gate.add_permits(2);
        assert_eq!((ask("one").await, ask("two").await), (("one", 2), ("two", 3)));
        let mut left = Box::pin(ask("one"));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        gate.add_permits(1);
        assert_eq!(ask("one").await, ("one", 5));
        assert!(locks::lock(&joined.0).is_empty());
    }
}
