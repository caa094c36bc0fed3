//! The queue for permits. A value without I/O.
//!
//! Those who wait take places too, of a second room that is as large and shared by the same rule, so the queue of one
//! organisation is bounded and leaves room for others. Of the calls of one connection, no more run at a time than the
//! provider takes.

use super::{Room, Share};
use std::{
    collections::{BTreeMap, HashMap, hash_map},
    sync::Arc,
};

/// How many calls of one connection may wait.
const WAITING_PER_CONNECTION: usize = 4;

/// Who wants a permit.
#[derive(Debug, Clone)]
pub struct Caller {
    /// On whose account.
    pub share: Share,
    /// The connection, if there is one.
    pub connection: Option<Arc<str>>,
    /// How many calls of the connection may run at once, this one included.
    pub concurrency: u32,
}

/// Names a caller from its entry until it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// How a caller entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// With a permit.
    Granted(Ticket),
    /// Into the queue. It gets its permit when somebody leaves.
    Waiting(Ticket),
}

/// The queue has no place for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Permits, and those who wait for one.
#[derive(Debug)]
pub struct FairQueue {
    permits: Room,
    places: Room,
    last: u64,
    granted: HashMap<Ticket, Caller>,
    /// In the order of their arrival.
    waiting: BTreeMap<Ticket, Caller>,
    /// The connections with permits, and how many each has.
    connections: HashMap<Arc<str>, u32>,
}

impl FairQueue {
    /// A queue for this many permits.
    #[must_use]
    pub fn new(permits: usize) -> Self {
        Self {
            permits: Room::new(permits),
            places: Room::new(permits),
            last: 0,
            granted: HashMap::new(),
            waiting: BTreeMap::new(),
            connections: HashMap::new(),
        }
    }

    /// A caller enters.
    ///
    /// # Errors
    /// If it would have to wait and there is no place to wait.
    pub fn enter(&mut self, caller: Caller) -> Result<Entry, Full> {
        let ticket = Ticket(self.last + 1);
        if self.takes_more(&caller) && self.permits.fits(&caller.share) {
            self.grant(ticket, caller);
            self.last = ticket.0;
            return Ok(Entry::Granted(ticket));
        }
        let same_connection = |other: &&Caller| caller.connection.is_some() && other.connection == caller.connection;
        if !self.places.fits(&caller.share)
            || self.waiting.values().filter(same_connection).count() == WAITING_PER_CONNECTION
        {
            return Err(Full);
        }
        self.places.take(&caller.share);
        self.permits.begin_to_wait(&caller.share);
        self.waiting.insert(ticket, caller);
        self.last = ticket.0;
        Ok(Entry::Waiting(ticket))
    }

    /// A caller leaves, with or without its permit. Returns those who get one now.
    pub fn leave(&mut self, ticket: Ticket) -> Vec<Ticket> {
        if let Some(caller) = self.granted.remove(&ticket) {
            self.permits.give_back(&caller.share);
            if let Some(connection) = caller.connection
                && let hash_map::Entry::Occupied(mut running) = self.connections.entry(connection)
            {
                *running.get_mut() -= 1;
                if *running.get() == 0 {
                    running.remove();
                }
            }
        } else {
            self.take_from_queue(ticket);
        }
        let mut granted = Vec::new();
        while let Some((ticket, caller)) = self.next().and_then(|ticket| self.take_from_queue(ticket)) {
            self.grant(ticket, caller);
            granted.push(ticket);
        }
        granted
    }

    fn next(&self) -> Option<Ticket> {
        let ready = self.waiting.iter().filter(|(_, caller)| self.takes_more(caller));
        self.permits.next(ready.map(|(ticket, caller)| (*ticket, &caller.share)))
    }

    /// Whether another call of the caller's connection may run.
    fn takes_more(&self, caller: &Caller) -> bool {
        let running = |connection| self.connections.get(connection).copied().unwrap_or(0);
        caller.connection.as_ref().is_none_or(|connection| running(connection) < caller.concurrency)
    }

    fn grant(&mut self, ticket: Ticket, caller: Caller) {
        self.permits.take(&caller.share);
        if let Some(connection) = &caller.connection {
            *self.connections.entry(connection.clone()).or_default() += 1;
        }
        self.granted.insert(ticket, caller);
    }

    fn take_from_queue(&mut self, ticket: Ticket) -> Option<(Ticket, Caller)> {
        let caller = self.waiting.remove(&ticket)?;
        self.places.give_back(&caller.share);
        self.permits.end_to_wait(&caller.share);
        Some((ticket, caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fairness::Class;
    use proptest::prelude::*;

    const PERMITS: usize = 6;

    /// The simple model: a list of who holds a permit, a list of who waits, and for each of these the neighbours that passed.
    #[derive(Default)]
    struct Model {
        granted: Vec<(Ticket, Caller)>,
        waiting: Vec<Waiting>,
    }

    struct Waiting {
        ticket: Ticket,
        caller: Caller,
        /// The neighbours at each level that passed since its own level had a turn.
        passed: [Vec<String>; 3],
    }

    fn level(share: &Share, level: usize) -> String {
        let Share { class, organisation, origin } = share;
        let path = [class.as_str(), &**organisation, &**origin];
        path[..=level].join("/")
    }

    impl Model {
        fn held(&self, prefix: &str, at: usize) -> usize {
            self.granted.iter().filter(|(_, caller)| level(&caller.share, at) == prefix).count()
        }

        /// The rule of the reserve, counted again.
        fn may_begin(&self, caller: &Caller) -> bool {
            let free = PERMITS - self.granted.len();
            let held = |at| self.held(&level(&caller.share, at), at);
            let same = |other: &Caller| caller.connection.is_some() && other.connection == caller.connection;
            free > 0
                && (caller.share.class != Class::Background || held(0) < free)
                && held(1) < 2 * free
                && held(2) < free
                && self.granted.iter().filter(|(_, other)| same(other)).count() < caller.concurrency as usize
        }

        /// Somebody who waits gets a permit. Nobody who could have begun sees the same neighbour pass twice.
        fn granted_from_queue(&mut self, ticket: Ticket) {
            let index = self.waiting.iter().position(|waiting| waiting.ticket == ticket).expect("it waits");
            let chosen = self.waiting.remove(index);
            assert!(self.may_begin(&chosen.caller), "{:?} holds too much", chosen.caller);
            let could: Vec<bool> = self.waiting.iter().map(|waiting| self.may_begin(&waiting.caller)).collect();
            for (waiting, could) in self.waiting.iter_mut().zip(could) {
                for at in 0..3 {
                    let (own, other) = (level(&waiting.caller.share, at), level(&chosen.caller.share, at));
                    if own == other {
                        waiting.passed[at].clear();
                        continue;
                    }
                    if could {
                        assert!(!waiting.passed[at].contains(&other), "{other} passed {own} twice");
                        waiting.passed[at].push(other);
                    }
                    break;
                }
            }
            self.granted.push((ticket, chosen.caller));
        }

        /// Somebody gets a permit without waiting: the turn of everything that it belongs to.
        fn granted_at_once(&mut self, ticket: Ticket, caller: Caller) {
            for waiting in &mut self.waiting {
                let same = (0..3).take_while(|at| level(&waiting.caller.share, *at) == level(&caller.share, *at));
                for at in same {
                    waiting.passed[at].clear();
                }
            }
            self.granted.push((ticket, caller));
        }

        fn is_settled(&self) -> bool {
            !self.waiting.iter().any(|waiting| self.may_begin(&waiting.caller))
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Enter { class: bool, organisation: u8, origin: u8, connection: Option<u8> },
        Leave(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (any::<bool>(), 0..3_u8, 0..4_u8, proptest::option::of(0..4_u8)).prop_map(
                |(class, organisation, origin, connection)| Step::Enter { class, organisation, origin, connection }
            ),
            2 => any::<prop::sample::Index>().prop_map(Step::Leave),
        ]
    }

    proptest! {
        #[test]
        fn nobody_who_could_begin_is_passed_twice_by_the_same_neighbour(
            steps in proptest::collection::vec(step(), 1..200)
        ) {
            let (mut queue, mut model) = (FairQueue::new(PERMITS), Model::default());
            for step in steps {
                match step {
                    Step::Enter { class, organisation, origin, connection } => {
                        let class = if class { Class::Interactive } else { Class::Background };
                        let share = Share {
                            class,
                            organisation: format!("o{organisation}").into(),
                            origin: format!("s{origin}").into(),
                        };
                        let concurrency = 1 + u32::from(connection.unwrap_or(0) % 3);
                        let connection = connection.map(|number| format!("{organisation}/{origin}/{number}").into());
                        let caller = Caller { share, connection, concurrency };
                        let may_begin = model.may_begin(&caller);
                        match queue.enter(caller.clone()) {
                            Ok(Entry::Granted(ticket)) => {
                                prop_assert!(may_begin);
                                model.granted_at_once(ticket, caller);
                            }
                            Ok(Entry::Waiting(ticket)) => {
                                prop_assert!(!may_begin);
                                model.waiting.push(Waiting { ticket, caller, passed: Default::default() });
                            }
                            Err(Full) => {
                                prop_assert!(!may_begin && !model.waiting.is_empty());
                            }
                        }
                    }
                    Step::Leave(index) => {
                        let tickets = model.granted.iter().map(|(ticket, _)| *ticket);
                        let all: Vec<_> = tickets.chain(model.waiting.iter().map(|waiting| waiting.ticket)).collect();
                        if all.is_empty() {
                            continue;
                        }
                        let leaves = *index.get(&all);
                        model.granted.retain(|(ticket, _)| *ticket != leaves);
                        model.waiting.retain(|waiting| waiting.ticket != leaves);
                        for ticket in queue.leave(leaves) {
                            model.granted_from_queue(ticket);
                        }
                    }
                }
                prop_assert!(model.granted.len() <= PERMITS && model.waiting.len() <= PERMITS);
                prop_assert!(model.is_settled(), "somebody waits who could begin");
            }
            // Nothing is left of callers who have left.
            let granted = model.granted.iter().map(|(ticket, _)| *ticket);
            for ticket in granted.chain(model.waiting.iter().map(|waiting| waiting.ticket)) {
                queue.leave(ticket);
            }
            prop_assert!(queue.granted.is_empty() && queue.waiting.is_empty() && queue.connections.is_empty());
        }
    }

    #[test]
    fn an_organisation_that_hangs_leaves_permits_and_places_for_others() {
        let mut queue = FairQueue::new(100);
        let caller = |organisation: &str, origin: &str| Caller {
            share: Share { class: Class::Interactive, organisation: organisation.into(), origin: origin.into() },
            connection: None,
            concurrency: 1,
        };
        let mut enter = |organisation: &str, origin: &str| {
            let entries = (0..200).map(|_| queue.enter(caller(organisation, origin)));
            let entries: Vec<_> = entries.collect();
            let granted = entries.iter().filter(|entry| matches!(entry, Ok(Entry::Granted(_)))).count();
            let waiting = entries.iter().filter(|entry| matches!(entry, Ok(Entry::Waiting(_)))).count();
            (granted, waiting)
        };
        assert_eq!(enter("alpha", "https://one.example"), (50, 50));
        // Another server of the same organisation, then other organisations.
        assert_eq!(enter("alpha", "https://two.example"), (17, 17));
        assert_eq!(enter("beta", "https://three.example"), (17, 17));
        assert_eq!(enter("gamma", "https://three.example"), (8, 8));
    }
}
