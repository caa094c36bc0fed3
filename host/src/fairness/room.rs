//! Places that are shared fairly. A value without I/O: it is told what waits, begins and ends, and says what is next.
//!
//! Two rules. *Turns*: at each level (class, organisation, origin), the one whose turn was longest ago comes first, and
//! a share that begins to wait has no older turn than those that wait already. So of two that can both begin, none passes
//! the other twice. *Reserve*: each level may hold only a multiple of the places that are free, so that there is a free
//! place for somebody who holds none, as long as few hold many. The multiples are those of dynamic thresholds, by which
//! network switches share their buffers.

use super::{Class, Share};
use std::{collections::HashMap, sync::Arc};

/// An organisation may hold this many times as many places as are free: alone, two thirds of all.
const ORGANISATION: usize = 2;

/// The same for an origin of an organisation, and for all background work: alone, half of all.
const ORIGIN: usize = 1;
const BACKGROUND: usize = 1;

/// Places that are shared fairly.
#[derive(Debug)]
pub struct Room {
    places: usize,
    taken: usize,
    /// The number of turns so far.
    turns: u64,
    nodes: HashMap<Node, NodeState>,
}

/// Something that has turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    Class(Class),
    Organisation(Class, Arc<str>),
    Origin(Share),
}

/// Exists while something is held or waited for.
#[derive(Debug, Clone, Copy)]
struct NodeState {
    held: usize,
    waiting: usize,
    /// When it had its turn last, or began to wait.
    turn: u64,
}

impl Share {
    fn nodes(&self) -> [Node; 3] {
        let Self { class, organisation, .. } = self;
        [Node::Class(*class), Node::Organisation(*class, organisation.clone()), Node::Origin(self.clone())]
    }
}

impl Node {
    /// How many places it may hold while this many are free.
    fn most(&self, free: usize) -> usize {
        match self {
            Self::Class(Class::Background) => BACKGROUND * free,
            Self::Class(_) => usize::MAX,
            Self::Organisation(..) => ORGANISATION * free,
            // Work that goes to no server waits for none.
            Self::Origin(share) if share.origin.is_empty() => usize::MAX,
            Self::Origin(_) => ORIGIN * free,
        }
    }
}

impl Room {
    /// A room with this many places.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places, taken: 0, turns: 0, nodes: HashMap::new() }
    }

    /// Whether somebody who holds nothing could begin.
    #[must_use]
    pub const fn has_places(&self) -> bool {
        self.taken < self.places
    }

    /// Whether this share may take a place now.
    #[must_use]
    pub fn fits(&self, share: &Share) -> bool {
        let free = self.places - self.taken;
        free > 0 && share.nodes().iter().all(|node| self.held(node) < node.most(free))
    }

    /// The waiting share that is next, the first one of equals. `None` if no share may take a place.
    pub fn next<'a, K>(&self, waiting: impl IntoIterator<Item = (K, &'a Share)>) -> Option<K> {
        let fitting = waiting.into_iter().filter(|(_, share)| self.fits(share));
        fitting.min_by_key(|(_, share)| share.nodes().map(|node| self.turn(&node))).map(|(key, _)| key)
    }

    /// The share begins to wait for a place.
    pub fn begin_to_wait(&mut self, share: &Share) {
        self.each(share, |state, _| state.waiting += 1);
    }

    /// The share no longer waits for a place.
    pub fn end_to_wait(&mut self, share: &Share) {
        self.each(share, |state, _| state.waiting -= 1);
    }

    /// The share takes a place, which is its turn.
    pub fn take(&mut self, share: &Share) {
        self.taken += 1;
        self.turns += 1;
        self.each(share, |state, turn| {
            state.held += 1;
            state.turn = turn;
        });
    }

    /// The share gives a place back.
    pub fn give_back(&mut self, share: &Share) {
        self.taken -= 1;
        self.each(share, |state, _| state.held -= 1);
    }

    fn held(&self, node: &Node) -> usize {
        self.nodes.get(node).map_or(0, |state| state.held)
    }

    fn turn(&self, node: &Node) -> u64 {
        self.nodes.get(node).map_or(self.turns, |state| state.turn)
    }

    fn each(&mut self, share: &Share, change: impl Fn(&mut NodeState, u64)) {
        for node in share.nodes() {
            let state = self.nodes.entry(node.clone()).or_insert(NodeState { held: 0, waiting: 0, turn: self.turns });
            change(state, self.turns);
            if (state.held, state.waiting) == (0, 0) {
                self.nodes.remove(&node);
            }
        }
    }
}
