use std::time::Duration;

use everwire::store::WebStore;
use everwire::{CallOptions, CallStream, Client, ResumedHandle, SessionMode};
use web_sys::{Element, Storage, Window};

type Done = Result<(), String>;

/// The key of the stream, by which the page finds it after a reload.
const KEY: &str = "story";
/// The item of `localStorage` with the text that the page shows.
const SHOWN: &str = "tokens.shown";

/// Shows the story, and continues where an earlier load of the page has stopped.
pub(crate) async fn run() {
    let Some(page) = Page::open() else { return };
    if let Err(error) = follow(&page).await {
        page.status.set_text_content(Some(&error));
    }
}

async fn follow(page: &Page) -> Done {
    // The outbox and the session are in `localStorage`, so they outlive the page.
    let builder = Client::builder(page.url()?).session(SessionMode::Require).store(WebStore::open("tokens"));
    let builder = builder.initial_delay(Duration::from_millis(50)).max_delay(Duration::from_millis(500));
    let client = builder.build().map_err(|error| error.to_string())?;
    let mut shown = page.shown();
    page.show(&shown);
    let mut words = match found_again(&client).await {
        Some(words) => words,
        // The story is complete, and the server does not keep the stream any more.
        None if shown.is_over => {
            page.status.set_text_content(Some("told"));
            return Ok(());
        }
        None => {
            shown = Shown::default();
            client.stream_with("tokens", "tell me a story", CallOptions::new().key(KEY))
        }
    };
    page.status.set_text_content(Some("telling"));
    while let Some(word) = words.next().await {
        let word = word.map_err(|error| error.to_string())?;
        // A word counts as processed when the next one is requested, so one that was shown just before a reload comes again.
        if words.position() > shown.position {
            shown.position = words.position();
            shown.text.push_str(word.as_text().unwrap_or_default());
            shown.text.push(' ');
            page.keep(&shown)?;
            page.show(&shown);
        }
    }
    shown.is_over = true;
    page.keep(&shown)?;
    page.status.set_text_content(Some("told"));
    Ok(())
}

/// The stream that an earlier load of the page has opened.
async fn found_again(client: &Client) -> Option<CallStream> {
    client.resume_calls().await.into_iter().find_map(|resumed| match resumed.handle {
        ResumedHandle::Stream(stream) if resumed.key == KEY => Some(stream),
        _ => None,
    })
}

/// The shown text, and its position in the stream.
#[derive(Default)]
struct Shown {
    position: u64,
    is_over: bool,
    text: String,
}

struct Page {
    window: Window,
    storage: Storage,
    story: Element,
    status: Element,
}

impl Page {
    fn open() -> Option<Self> {
        let window = web_sys::window()?;
        let (document, storage) = (window.document()?, window.local_storage().ok()??);
        let (story, status) = (document.get_element_by_id("story")?, document.get_element_by_id("status")?);
        Some(Self { window, storage, story, status })
    }

    fn url(&self) -> Result<String, String> {
        let host = self.window.location().host().map_err(|_| "the page has no address")?;
        Ok(format!("ws://{host}/model"))
    }

    fn show(&self, shown: &Shown) {
        self.story.set_text_content(Some(&shown.text));
    }

    /// Stores the text and its position in one item, so that they always fit together.
    fn keep(&self, Shown { position, is_over, text }: &Shown) -> Done {
        let kept = self.storage.set_item(SHOWN, &format!("{position} {is_over} {text}"));
        kept.map_err(|_| "there is no room in localStorage".to_owned())
    }

    fn shown(&self) -> Shown {
        let kept = self.storage.get_item(SHOWN).ok().flatten().unwrap_or_default();
        let mut parts = kept.splitn(3, ' ');
        let position = parts.next().and_then(|position| position.parse().ok()).unwrap_or_default();
        let is_over = parts.next() == Some("true");
        Shown { position, is_over, text: parts.next().unwrap_or_default().to_owned() }
    }
}
