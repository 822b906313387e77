//! Who is connected, and who is to be told what.
//!
//! One task owns the map; sessions attach and get a `watch` of the newest word for them. A cluster
//! that connects again takes the place of its older connection, which is told to end.

use std::collections::HashMap;

use skerry_common::id::ClusterId;
use skerry_common::report::BundleMark;
use tokio::sync::{mpsc, oneshot, watch};

/// Commands waiting: a publication to 10,000 clusters comes in batches of this size.
const COMMANDS_MAX: usize = 1024;

/// The newest word for one session; later ones replace earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// A newer target was signed.
    pub target: Option<BundleMark>,
    /// Why the session must end, once it must.
    pub end: Option<&'static str>,
}

enum Command {
    Attach { cluster: ClusterId, reply: oneshot::Sender<watch::Receiver<Word>> },
    Publish { cluster: ClusterId, target: BundleMark },
    End { cluster: ClusterId, reason: &'static str },
    Connected { reply: oneshot::Sender<Vec<ClusterId>> },
}

/// A handle to the map.
#[derive(Debug, Clone)]
pub struct Switchboard {
    commands: mpsc::Sender<Command>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command")
    }
}

impl Switchboard {
    /// Makes the handle and the task that serves it; the task ends when every handle is gone.
    pub fn new() -> (Self, impl Future<Output = ()> + Send) {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        (Self { commands }, serve(inbox))
    }

    /// Attaches a session; `None` when the hub is stopping.
    pub async fn attach(&self, cluster: ClusterId) -> Option<watch::Receiver<Word>> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Attach { cluster, reply }).await.ok()?;
        answer.await.ok()
    }

    /// Tells a cluster's session, if there is one, of a newer target.
    pub async fn publish(&self, cluster: ClusterId, target: BundleMark) {
        // Fails only when the hub is stopping.
        let _ = self.commands.send(Command::Publish { cluster, target }).await;
    }

    /// Ends a cluster's session, if there is one.
    pub async fn end(&self, cluster: ClusterId, reason: &'static str) {
        let _ = self.commands.send(Command::End { cluster, reason }).await;
    }

    /// Who is connected, sorted.
    pub async fn connected(&self) -> Vec<ClusterId> {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Connected { reply }).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }
}

async fn serve(mut inbox: mpsc::Receiver<Command>) {
    let mut sessions: HashMap<ClusterId, watch::Sender<Word>> = HashMap::new();
    while let Some(command) = inbox.recv().await {
        match command {
            Command::Attach { cluster, reply } => {
                let (sender, receiver) = watch::channel(Word::default());
                if let Some(older) = sessions.insert(cluster, sender) {
                    older.send_modify(|word| word.end = Some("the cluster connected again"));
                }
                // A session that gave up meanwhile is swept below.
                let _ = reply.send(receiver);
                if sessions.len().is_power_of_two() {
                    sessions.retain(|_, sender| !sender.is_closed());
                }
            }
            Command::Publish { cluster, target } => {
                if let Some(sender) = sessions.get(&cluster) {
                    sender.send_modify(|word| word.target = Some(target));
                }
            }
            Command::End { cluster, reason } => {
                if let Some(sender) = sessions.remove(&cluster) {
                    sender.send_modify(|word| word.end = Some(reason));
                }
            }
            Command::Connected { reply } => {
                sessions.retain(|_, sender| !sender.is_closed());
                let mut connected: Vec<_> = sessions.keys().cloned().collect();
                connected.sort();
                let _ = reply.send(connected);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_common::bundle::digest::Digest;
    use skerry_common::id::Place;

    #[tokio::test]
    async fn the_newest_word_reaches_the_newest_session() {
        let (switchboard, serve) = Switchboard::new();
        let task = tokio::spawn(serve);
        let cluster = ClusterId::parse("c1").expect("a name");
        let target = |text: &[u8]| BundleMark { place: Place::default(), root: Digest::of(text) };
        let mut first = switchboard.attach(cluster.clone()).await.expect("attaches");
        switchboard.publish(cluster.clone(), target(b"1")).await;
        switchboard.publish(cluster.clone(), target(b"2")).await;
        assert_eq!(switchboard.connected().await, std::slice::from_ref(&cluster));
        assert_eq!(first.borrow_and_update().target, Some(target(b"2")));
        let second = switchboard.attach(cluster.clone()).await.expect("attaches");
        assert_eq!(switchboard.connected().await.len(), 1);
        assert!(first.borrow_and_update().end.is_some());
        switchboard.end(cluster, "revoked").await;
        assert!(switchboard.connected().await.is_empty());
        assert_eq!(second.borrow().end, Some("revoked"));
        drop(switchboard);
        task.await.expect("ends");
    }
}
