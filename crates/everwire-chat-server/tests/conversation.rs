//! A conversation made up by chance, through clients, wires and servers that come and go, against a model of it that knows
//! nothing of connections: who said what, who took back what, who has seen how much.
#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use everwire::State;
use everwire_chat::{ChatClient, Entry, Memory, Status};
use proptest::prelude::*;
use support::{SOON, Server, with_data};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Whose each device is: the first and the last are the same user's.
const USERS: [&str; 4] = ["ana", "ben", "cat", "ana"];

#[derive(Clone, Debug)]
enum Step {
    Say {
        device: usize,
        lines: usize,
    },
    TakeBack {
        device: usize,
    },
    Retry {
        device: usize,
    },
    Read {
        device: usize,
    },
    Away {
        device: usize,
        away: bool,
    },
    Earlier {
        device: usize,
    },
    /// Its wire is torn.
    Cut {
        device: usize,
    },
    /// The program ends, and starts again with what it has kept.
    Reopen {
        device: usize,
    },
    /// Everything that was said so far is there.
    Hear {
        device: usize,
    },
    Kill,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let device = || 0..USERS.len();
    let step = prop_oneof![
        6 => (device(), 1..8_usize).prop_map(|(device, lines)| Step::Say { device, lines }),
        1 => (device(), 60..120_usize).prop_map(|(device, lines)| Step::Say { device, lines }),
        2 => device().prop_map(|device| Step::TakeBack { device }),
        1 => device().prop_map(|device| Step::Retry { device }),
        3 => device().prop_map(|device| Step::Read { device }),
        2 => (device(), any::<bool>()).prop_map(|(device, away)| Step::Away { device, away }),
        1 => device().prop_map(|device| Step::Earlier { device }),
        3 => device().prop_map(|device| Step::Cut { device }),
        2 => device().prop_map(|device| Step::Reopen { device }),
        2 => device().prop_map(|device| Step::Hear { device }),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

/// How many are made up: 24, or what `EVERWIRE_CONVERSATIONS` says.
fn conversations() -> u32 {
    std::env::var("EVERWIRE_CONVERSATIONS").map_or(24, |number| number.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: conversations(), max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn all_end_with_the_conversation_that_was_had(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.step(step).await;
            }
            world.settle().await;
        });
    }
}

struct World {
    data: TempDir,
    server: Option<Server>,
    address: SocketAddr,
    devices: Vec<Device>,
}

struct Device {
    user: &'static str,
    wire: Wire,
    /// There is always one, but while it is being opened again.
    chat: Option<ChatClient>,
    /// The model: what was said here, in order.
    said: Vec<String>,
    taken_back: HashSet<String>,
    /// Not known to have been sent when the program ended.
    doubtful: HashSet<String>,
    /// The furthest message of others that was shown.
    read: u64,
    away: bool,
}

impl World {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(with_data(data.path())).await;
        let address = server.address;
        let mut devices = Vec::new();
        for user in USERS {
            let wire = Wire::to(address).await;
            let chat = Some(open(&wire, user, None));
            let (said, taken_back, doubtful) = Default::default();
            devices.push(Device { user, wire, chat, said, taken_back, doubtful, read: 0, away: false });
        }
        Self { data, server: Some(server), address, devices }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Say { device, lines } => {
                let device = &mut self.devices[device];
                for _ in 0..lines {
                    let id = device.chat().send(format!("{} {}", device.user, device.said.len())).unwrap();
                    device.said.push(id);
                }
            }
            Step::TakeBack { device } => {
                let device = &mut self.devices[device];
                if let Some(id) = device.said.last().cloned()
                    && device.chat().take_back(&id).is_ok()
                {
                    device.taken_back.insert(id);
                }
            }
            Step::Retry { device } => {
                let chat = self.devices[device].chat();
                let failed = |entry: &Entry| matches!(entry.status, Status::Failed(_));
                chat.entries().iter().filter(|entry| entry.own && failed(entry)).for_each(|entry| {
                    chat.retry(&entry.id).unwrap();
                });
            }
            Step::Read { device } => {
                let device = &mut self.devices[device];
                let entries = device.chat().entries();
                let theirs = entries.iter().rev().find(|entry| !entry.own && entry.offset.is_some());
                if let Some(entry) = theirs {
                    device.chat().mark_read(&entry.id);
                    device.read = device.read.max(entry.offset.unwrap());
                }
            }
            Step::Away { device, away } => {
                let device = &mut self.devices[device];
                device.away = away;
                device.chat().set_away(away);
            }
            Step::Earlier { device } => {
                let chat = self.devices[device].chat();
                if let Some(entry) = chat.entries().iter().find(|entry| entry.missing.is_some()) {
                    // Where there is nothing to ask on, the end asks again.
                    let _ = chat.load_earlier(&entry.id);
                }
            }
            Step::Cut { device } => self.devices[device].wire.cut(),
            Step::Reopen { device } => self.devices[device].reopen().await,
            Step::Hear { device } => {
                let all = self.sure();
                self.until(device, "what was said so far", |chat| {
                    let here: HashSet<String> = chat.entries().into_iter().map(|entry| entry.id).collect();
                    // What was left out as too long ago comes by asking.
                    chat.entries().iter().any(|entry| entry.missing.is_some()) || all.is_subset(&here)
                })
                .await;
            }
            Step::Kill => {
                self.server.take().unwrap().kill();
                self.server = Some(Server::on(self.address, with_data(self.data.path())).await);
            }
            Step::Restart => {
                self.server.take().unwrap().stop().await;
                self.server = Some(Server::on(self.address, with_data(self.data.path())).await);
            }
        }
    }

    /// Everything that has to arrive.
    fn sure(&self) -> HashSet<String> {
        let sure = |device: &Device| {
            let is_sure = |id: &&String| !device.taken_back.contains(*id) && !device.doubtful.contains(*id);
            device.said.iter().filter(is_sure).cloned().collect::<Vec<_>>()
        };
        self.devices.iter().flat_map(sure).collect()
    }

    /// Waits until all know everything, and compares it with the model.
    async fn settle(&self) {
        let sure = self.sure();
        let maybe: HashSet<String> = self.devices.iter().flat_map(|device| device.doubtful.clone()).collect();
        for device in 0..self.devices.len() {
            self.until(device, "everything", |chat| {
                let entries = chat.entries();
                if asks_for_more(chat, &entries) {
                    return false;
                }
                let here: HashSet<String> =
                    entries.iter().filter(|entry| entry.offset.is_some()).map(|entry| entry.id.clone()).collect();
                sure.is_subset(&here)
            })
            .await;
        }
        self.until_ended_programs_have_left().await;
        // What they had sent may still be on its way to some: all have as many as the one that has most.
        let most = || self.devices.iter().map(|device| device.chat().entries().len()).max().unwrap();
        for device in 0..self.devices.len() {
            self.until(device, "the same as the others", |chat| {
                let entries = chat.entries();
                !asks_for_more(chat, &entries) && entries.len() == most()
            })
            .await;
        }
        let conversation = self.devices[0].timeline();
        let offsets: Vec<u64> = conversation.iter().map(|(_, offset)| offset.unwrap()).collect();
        assert_eq!(offsets, (1..=conversation.len() as u64).collect::<Vec<_>>(), "ordered, without gaps and doubles");
        for device in &self.devices {
            assert_eq!(device.timeline(), conversation, "all see the same");
            let said: Vec<&String> =
                conversation.iter().map(|(id, _)| id).filter(|id| device.said.contains(*id)).collect();
            let wanted: Vec<&String> = device
                .said
                .iter()
                .filter(|id| sure.contains(*id) || (maybe.contains(*id) && said.contains(id)))
                .collect();
            assert_eq!(said, wanted, "what was said, in the order in which it was said; nothing that was taken back");
        }
        for device in 0..self.devices.len() {
            self.agrees(device).await;
        }
    }

    /// Waits until the server has let go of the connections of ended programs: what they had sent is stored by then, and told.
    /// Then each member is one of the devices.
    async fn until_ended_programs_have_left(&self) {
        let deadline = Instant::now() + SOON;
        let connections = || -> Option<Vec<u64>> {
            let connected = |device: &Device| matches!(device.chat().state(), State::Connected { .. });
            let opened = |device: &Device| device.chat().stats().machine.connections;
            self.devices.iter().map(|device| connected(device).then(|| opened(device))).collect()
        };
        let members = format!("everwire_members {}", self.devices.len());
        loop {
            let before = connections();
            let metrics = self.server.as_ref().unwrap().metrics().await;
            if before.is_some() && before == connections() && metrics.lines().any(|line| line == members) {
                return;
            }
            assert!(Instant::now() < deadline, "connections of ended programs stay: {metrics}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Statuses, what is unread, and who is here are as the model says.
    async fn agrees(&self, device: usize) {
        let user = self.devices[device].user;
        let others = || self.devices.iter().filter(|other| other.user != user);
        let read = others().map(|other| other.read).max().unwrap_or(0);
        let wanted = |entry: &Entry| match entry.offset {
            Some(offset) if offset <= read => Status::Read,
            _ => Status::Delivered,
        };
        self.until(device, "the statuses", |chat| {
            chat.entries().iter().filter(|entry| entry.own).all(|entry| entry.status == wanted(entry))
        })
        .await;
        let mut here: Vec<(String, bool)> =
            others().map(|other| (other.user.to_owned(), self.is_away(other.user))).collect();
        here.sort();
        here.dedup();
        self.until(device, "who is here", |chat| {
            let mut users: Vec<(String, bool)> =
                chat.users().into_iter().map(|user| (user.user_id, user.away)).collect();
            users.sort();
            users == here
        })
        .await;
        let Device { read, .. } = self.devices[device];
        let chat = self.devices[device].chat();
        let place = chat.read_position();
        // Who came for the first time has read what was there, and who has read on another device has read it here.
        assert!(place.offset >= read, "{place:?} behind {read}");
        let entries = chat.entries();
        let unread = entries.iter().filter(|entry| !entry.own && entry.offset > Some(place.offset)).count();
        let all_loaded = entries.iter().all(|entry| entry.missing.is_none());
        assert!(place.unread == unread || (place.unread > unread && !all_loaded), "{place:?}, {unread} here");
    }

    fn is_away(&self, user: &str) -> bool {
        self.devices.iter().filter(|device| device.user == user).all(|device| device.away)
    }

    async fn until(&self, device: usize, what: &str, fits: impl Fn(&ChatClient) -> bool) {
        let chat = self.devices[device].chat();
        let deadline = Instant::now() + SOON;
        let mut updates = chat.updates();
        while !fits(chat) {
            // It may hang on what others hear.
            let _ = timeout(Duration::from_millis(20), updates.next()).await;
            if Instant::now() > deadline {
                let own: Vec<_> = chat.entries().into_iter().filter(|entry| entry.own).collect();
                let own: Vec<_> = own.iter().map(|entry| (entry.offset, &entry.status)).collect();
                let read: Vec<_> = self.devices.iter().map(|device| device.read).collect();
                panic!(
                    "device {device}: not in time: {what}; {}; here are {:?}; own {own:?}; read {read:?}",
                    chat.state(),
                    chat.users()
                );
            }
        }
    }
}

impl Device {
    fn chat(&self) -> &ChatClient {
        self.chat.as_ref().unwrap()
    }

    fn timeline(&self) -> Vec<(String, Option<u64>)> {
        self.chat().entries().into_iter().map(|entry| (entry.id, entry.offset)).collect()
    }

    async fn reopen(&mut self) {
        let chat = self.chat.take().unwrap();
        let memory = chat.memory();
        // What it had not sent ends with it, as far as it knows.
        let left = chat.close(Duration::from_millis(20)).await;
        self.doubtful.extend(left.into_iter().map(|entry| entry.id));
        let chat = open(&self.wire, self.user, memory);
        chat.set_away(self.away);
        self.chat = Some(chat);
    }
}

/// Asks for what is missing, if anything is.
fn asks_for_more(chat: &ChatClient, entries: &[Entry]) -> bool {
    let gap = entries.iter().find(|entry| entry.missing.is_some());
    // Where there is nothing to ask on, the next look asks again.
    let _ = gap.map(|entry| chat.load_earlier(&entry.id));
    gap.is_some()
}

fn open(wire: &Wire, user: &str, memory: Option<Memory>) -> ChatClient {
    let mut builder = ChatClient::builder(format!("ws://{}/ws", wire.address), user)
        .user_id(user)
        .window(100_000)
        .connection(|builder| builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)));
    if let Some(memory) = memory {
        builder = builder.memory(memory);
    }
    builder.build().unwrap()
}

/// A way to the server that can be torn.
struct Wire {
    address: SocketAddr,
    torn: watch::Sender<()>,
    relay: JoinHandle<()>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let torn = watch::Sender::new(());
        let tearing = torn.clone();
        let relay = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut torn = tearing.subscribe();
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = torn.changed() => {}
                    }
                });
            }
        });
        Self { address, torn, relay }
    }

    fn cut(&self) {
        self.torn.send_replace(());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.relay.abort();
    }
}
