//! The commands of the guide `docs/proxy.md` work as it shows.

use std::path::{Path, PathBuf};

use super::http::request;
use crate::support::server::{Server, echo};
use crate::support::{Everwire, command};

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/proxy.md");
    std::fs::read_to_string(path).unwrap()
}

fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

/// A reader who follows the guide: one proxy at a time, one folder with the first file in it.
struct Reader {
    folder: tempfile::TempDir,
    server: Server,
    proxy: Option<Everwire>,
    control: String,
}

impl Reader {
    fn new(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("faults.toml"), &blocks(page, "toml")[0]).unwrap();
        Self { folder, server: Server::start(echo), proxy: None, control: String::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn follow(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["everwire", "proxy", "--check" | "--print", ..] => self.run(&words[1..], line),
            ["everwire", "proxy", ..] => self.start(&words[1..]),
            ["curl", ref rest @ ..] => self.curl(rest, line),
            _ => panic!("the guide shows a command that this test does not know: {line}"),
        }
    }

    fn run(&self, args: &[&str], line: &str) {
        let mut everwire = command(args);
        everwire.current_dir(self.folder.path());
        assert_eq!(Everwire::of(everwire).finish(), 0, "{line}");
    }

    /// Starts a proxy on free ports in place of the guide's.
    fn start(&mut self, args: &[&str]) {
        let to = self.server.address.to_string();
        let replaced = |word: &&str| match *word {
            "127.0.0.1:9000" | "127.0.0.1:9001" => "127.0.0.1:0".to_owned(),
            "127.0.0.1:8080" => to.clone(),
            other => other.to_owned(),
        };
        let mut args: Vec<String> = args.iter().map(replaced).collect();
        if !args.contains(&"--control".to_owned()) {
            args.extend(["--control".to_owned(), "127.0.0.1:0".to_owned()]);
        }
        let mut everwire = command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        everwire.current_dir(self.folder.path());
        let mut proxy = Everwire::of(everwire);
        let control = proxy.out.until("Control: http://");
        self.control = control.trim_start_matches("Control: http://").trim_end_matches('/').to_owned();
        proxy.out.until("Ctrl-C ends it.");
        self.proxy = Some(proxy);
    }

    fn curl(&self, args: &[&str], line: &str) {
        let (mut method, mut body) = ("GET", String::new());
        let mut words = args.iter();
        let mut target = None;
        while let Some(word) = words.next() {
            match *word {
                "-X" => method = words.next().unwrap(),
                "-T" => {
                    method = "PUT";
                    body = std::fs::read_to_string(self.path(words.next().unwrap())).unwrap();
                }
                url => target = url.strip_prefix("http://127.0.0.1:9001"),
            }
        }
        let (status, answer) = request(&self.control, method, target.expect(line), "", &body);
        assert_eq!(status, 200, "{line}: {answer}");
    }
}

#[test]
fn every_command_of_the_guide_works() {
    let page = guide();
    let mut reader = Reader::new(&page);
    let mut seen = 0;
    for block in blocks(&page, "console") {
        for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            reader.follow(line);
            seen += 1;
        }
    }
    assert!(seen >= 10, "the guide lost its commands");
}

#[test]
fn every_schedule_of_the_guide_is_right() {
    let page = guide();
    let reader = Reader::new(&page);
    let schedules = blocks(&page, "toml");
    assert!(schedules.len() >= 4, "the guide lost its schedules");
    for schedule in schedules {
        std::fs::write(reader.path("one.toml"), &schedule).unwrap();
        reader.run(&["proxy", "--check", "one.toml"], &schedule);
    }
}

#[test]
fn the_guide_names_every_fault_and_every_profile() {
    let page = guide();
    for name in everwire_testkit::faults::Profile::all().map(everwire_testkit::faults::Profile::name) {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    let faults = "cut black-hole stall delay bandwidth split corrupt refuse mute answer late";
    for name in faults.split(' ') {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
