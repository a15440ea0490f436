use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use super::database::{Database, HistoryError, Place};
use super::{Page, Post, Start, Told};

#[derive(Debug)]
pub(super) enum Command {
    Post(Post),
    Page { room: String, from: Start, answer: oneshot::Sender<Result<Page, HistoryError>> },
}

/// Messages in one commit at most.
const TOGETHER: usize = 1024;

/// The thread: takes what has come in meanwhile, commits its posts in one go, answers its questions, and starts again.
pub(super) fn run(mut database: Database, mut commands: mpsc::Receiver<Command>, mut tell: impl FnMut(Told)) {
    let mut batch = Vec::new();
    let mut posts = Vec::new();
    while commands.blocking_recv_many(&mut batch, TOGETHER) > 0 {
        for command in batch.drain(..) {
            match command {
                Command::Post(post) => posts.push(post),
                Command::Page { room, from, answer } => {
                    // What was posted before the question is told before the answer.
                    store(&mut database, &mut posts, &mut tell);
                    // Fails only if the asker has gone.
                    let _ = answer.send(database.page(&room, from));
                }
            }
        }
        store(&mut database, &mut posts, &mut tell);
    }
}

fn store(database: &mut Database, posts: &mut Vec<Post>, tell: &mut impl FnMut(Told)) {
    let doomed = posts.extract_if(.., |post| post.doomed.load(Ordering::Relaxed));
    doomed.for_each(|post| tell(Told::Failed(post)));
    if posts.is_empty() {
        return;
    }
    match database.store(posts) {
        Ok(stored) => {
            for (post, place) in posts.drain(..).zip(stored) {
                tell(match place {
                    Place::New(offset) => Told::Stored { post, offset, is_new: true },
                    Place::Known(offset) => Told::Stored { post, offset, is_new: false },
                    Place::Taken => Told::Taken(post),
                });
            }
        }
        Err(error) => {
            tracing::error!(%error, messages = posts.len(), "messages could not be stored; their senders are told to try again");
            for post in posts.drain(..) {
                post.doomed.store(true, Ordering::Relaxed);
                tell(Told::Failed(post));
            }
        }
    }
}
