//! The steps of a script.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use everwire_bind::{Client, Error, Hint, Outcome, Payload, Phase, SendOptions, Settings};
use tokio::time::timeout;

use crate::network::Network;
use crate::script::{Script, ServerOptions, Step, apply, texts};

/// Whatever a step waits for has to come within this.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) async fn run(script: Script) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let (schedule, options) = (script.schedule.clone(), script.server);
    let network = tokio::task::spawn_blocking(move || Network::start(schedule.as_deref(), options)).await.unwrap();
    let file = folder.path().join("outbox.db").to_str().unwrap().to_owned();
    let mut settings = Settings { urls: vec![network.url()], proxy: Some("none".to_owned()), ..Settings::default() };
    apply(&mut settings, &script.settings, &file);
    let mut play = Play { network, program: Program::start(settings.clone())?, settings, file };
    for (number, step) in script.steps.iter().enumerate() {
        play.step(step).await.map_err(|problem| format!("step {}, {step:?}: {problem}", number + 1))?;
    }
    play.program.client.close(0);
    Ok(())
}

struct Play {
    network: Network,
    settings: Settings,
    file: String,
    program: Program,
}

impl Play {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let client = Arc::clone(&self.program.client);
        match step {
            Step::Send { text, count, refused } => return self.program.send(text, *count, refused.as_deref()),
            Step::Receive { text, count } => return self.program.receive(texts(text, *count)).await,
            Step::Outcomes { text, expect } => return self.program.outcomes(text, expect).await,
            Step::State { phase, code, ended, failed, within_ms } => {
                let wanted =
                    Wanted { phase: named(phase, Phase::from_name)?, code: *code, ended: *ended, failed: *failed };
                let limit = within_ms.map_or(LIMIT, Duration::from_millis);
                return self.program.state(wanted, limit).await;
            }
            Step::Event { kind } => return self.program.event(kind).await,
            Step::Connections { count } => {
                let now = client.stats().connections;
                return if now == *count { Ok(()) } else { Err(format!("there were {now}")) };
            }
            Step::Fault { control } => self.network.fault(control),
            Step::Server { run, close_with } => self.network.server(*run, ServerOptions { close_with: *close_with }),
            Step::Connect => client.connect(),
            Step::Disconnect => client.disconnect(),
            Step::ReconnectNow => client.reconnect_now(),
            Step::Hint { hint } => client.hint(named(hint, Hint::from_name)?),
            Step::Finish { within_ms, unsent, unacknowledged } => {
                let left = soon(client.finish(*within_ms)).await?;
                let counts = (left.unsent.len(), left.unacknowledged.len());
                return if counts == (*unsent, *unacknowledged) {
                    Ok(())
                } else {
                    Err(format!("left were {counts:?}"))
                };
            }
            Step::Start { settings } => {
                apply(&mut self.settings, settings, &self.file);
                // The file is free only when the client that had it is gone.
                drop(client);
                self.program.forget();
                self.program = Program::start(self.settings.clone())?;
            }
        }
        Ok(())
    }
}

/// What a program around a client would hold.
struct Program {
    client: Arc<Client>,
    /// Which messages were sent (or recovered) as this text.
    ids: HashMap<String, Vec<u64>>,
    ended: HashMap<u64, Outcome>,
    outcomes_taken: u64,
    received: VecDeque<Payload>,
    messages_taken: u64,
    events_taken: u64,
}

struct Wanted {
    phase: Phase,
    code: Option<u16>,
    ended: Option<bool>,
    failed: Option<bool>,
}

impl Program {
    fn start(settings: Settings) -> Result<Self, String> {
        let client = Arc::new(Client::start(settings).map_err(|error| error.to_string())?);
        let mut ids = HashMap::<_, Vec<_>>::new();
        for message in client.recovered() {
            let Payload::Text(text) = message.payload else { continue };
            // "kept 3" was sent as "kept".
            let label = text.rsplit_once(' ').map_or(text.as_str(), |(label, _)| label);
            ids.entry(label.to_owned()).or_default().push(message.id);
        }
        let none = HashMap::new();
        Ok(Self {
            client,
            ids,
            ended: none,
            outcomes_taken: 0,
            received: VecDeque::new(),
            messages_taken: 0,
            events_taken: 0,
        })
    }

    /// Lets go of a client that has ended.
    fn forget(&mut self) {
        let settings =
            Settings { urls: vec!["ws://127.0.0.1:9/".into()], connect_on_start: false, ..Settings::default() };
        self.client = Arc::new(Client::start(settings).unwrap());
    }

    fn send(&mut self, text: &str, count: usize, refused: Option<&str>) -> Result<(), String> {
        for message in texts(text, count) {
            let sent = self.client.send(Payload::Text(message), SendOptions::default());
            match (sent, refused) {
                (Ok(id), None) => self.ids.entry(text.to_owned()).or_default().push(id),
                (Err(Error::Full), Some("full")) | (Err(Error::Closed { .. }), Some("closed")) => {}
                (sent, _) => return Err(format!("sending gave {sent:?}")),
            }
        }
        Ok(())
    }

    async fn receive(&mut self, texts: Vec<String>) -> Result<(), String> {
        for text in texts {
            while self.received.is_empty() {
                let batch = soon(self.client.next_batch(self.messages_taken, 64)).await?.ok_or("nothing more comes")?;
                self.messages_taken = batch.position;
                self.received.extend(batch.messages);
            }
            let received = self.received.pop_front();
            if received != Some(Payload::Text(text.clone())) {
                return Err(format!("{text:?} should come, and {received:?} came"));
            }
        }
        Ok(())
    }

    async fn outcomes(&mut self, text: &str, expected: &BTreeMap<String, usize>) -> Result<(), String> {
        let ids = self.ids.get(text).cloned().unwrap_or_default();
        while !ids.iter().all(|id| self.ended.contains_key(id)) {
            let batch =
                soon(self.client.next_outcomes(self.outcomes_taken, 64)).await?.ok_or("no more outcomes come")?;
            self.outcomes_taken = batch.position;
            for range in batch.ranges {
                for id in range.first..=range.last {
                    if let Some(earlier) = self.ended.insert(id, range.outcome.clone()) {
                        return Err(format!("message {id} has two outcomes, {earlier:?} and {:?}", range.outcome));
                    }
                }
            }
        }
        let mut counts = BTreeMap::<String, usize>::new();
        for id in &ids {
            *counts.entry(self.ended[id].kind.name().to_owned()).or_default() += 1;
        }
        if counts == *expected { Ok(()) } else { Err(format!("the outcomes are {counts:?}")) }
    }

    async fn state(&mut self, wanted: Wanted, limit: Duration) -> Result<(), String> {
        let mut last = self.client.state();
        let reached = timeout(limit, async {
            let mut seen = 0;
            while let Some(change) = self.client.watch_state(seen).await {
                seen = change.version;
                last = change.state;
                let fits = last.phase == wanted.phase
                    && wanted.code.is_none_or(|code| last.code == Some(code))
                    && wanted.ended.is_none_or(|ended| last.ended == ended)
                    && wanted.failed.is_none_or(|failed| last.failed == failed);
                if fits {
                    return true;
                }
            }
            false
        });
        match reached.await {
            Ok(true) => Ok(()),
            _ => Err(format!("the state is {last:?}")),
        }
    }

    async fn event(&mut self, kind: &str) -> Result<(), String> {
        loop {
            let batch = soon(self.client.next_events(self.events_taken, 1)).await?.ok_or("no more events come")?;
            self.events_taken = batch.position;
            if batch.events[0].kind.name() == kind {
                return Ok(());
            }
        }
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> Result<T, String> {
    timeout(LIMIT, future).await.map_err(|_| format!("it has not come within {LIMIT:?}"))
}

fn named<T>(name: &str, find: fn(&str) -> Option<T>) -> Result<T, String> {
    find(name).ok_or_else(|| format!("there is no {name:?}"))
}
