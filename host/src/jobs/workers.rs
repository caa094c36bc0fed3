//! Which organisation, origin and class the next free worker of this host serves.
//!
//! The database says which shares have work; the rest is in the memory of this host. So several hosts share the work of one
//! database fairly, because each of them does. Mail has workers of its own: somebody waits for it at a sign-in page. Within
//! mail organisations take turns, and addresses without an account are one more of them.

use crate::fairness::{Class, Room, Share};

/// The number of jobs at once that send mail: with three, one organisation alone leaves one to the others.
const MAIL_WORKERS: usize = 3;

/// The workers of this host.
#[derive(Debug)]
pub(super) struct Workers {
    mail: Room,
    others: Room,
    /// The shares with work, the one due for longest first.
    waiting: Vec<Share>,
}

impl Workers {
    /// This many workers, and those for mail.
    pub(super) fn new(workers: usize) -> Self {
        Self { mail: Room::new(MAIL_WORKERS), others: Room::new(workers), waiting: Vec::new() }
    }

    /// Whether no job could begin.
    pub(super) const fn are_all_taken(&self) -> bool {
        !self.mail.has_places() && !self.others.has_places()
    }

    /// These shares have work, and no others.
    pub(super) fn have_work_for(&mut self, due: Vec<Share>) {
        // In this order, a share that had work already keeps its turn.
        for share in &due {
            self.room(share).begin_to_wait(share);
        }
        for share in std::mem::replace(&mut self.waiting, due) {
            self.room(&share).end_to_wait(&share);
        }
    }

    /// This share has no work.
    pub(super) fn have_no_work_for(&mut self, share: &Share) {
        self.waiting.retain(|other| other != share);
        self.room(share).end_to_wait(share);
    }

    /// The share whose turn it is.
    pub(super) fn next(&self) -> Option<Share> {
        let (mail, others): (Vec<_>, Vec<_>) = self.waiting.iter().partition(|share| share.class == Class::Mail);
        let next =
            |room: &Room, waiting: Vec<&Share>| room.next(waiting.into_iter().map(|share| (share.clone(), share)));
        next(&self.mail, mail).or_else(|| next(&self.others, others))
    }

    /// A job of the share begins.
    pub(super) fn take(&mut self, share: &Share) {
        self.room(share).take(share);
    }

    /// A job of the share has ended.
    pub(super) fn give_back(&mut self, share: &Share) {
        self.room(share).give_back(share);
    }

    fn room(&mut self, share: &Share) -> &mut Room {
        if share.class == Class::Mail { &mut self.mail } else { &mut self.others }
    }
}
