//! The JSON of the four frames that have some. Unknown keys are ignored ([S-4]); of an optional field `null` says that it is
//! absent.

use crate::json::{Object, Writer, Wrong};
use crate::session::body::{Bye, GoAway, Gone, Hello, Limits, Previous, Resume, Welcome};

/// All reasons. One of an unknown name is read as the last.
const REASONS: [Gone; 8] = [
    Gone::Unknown,
    Gone::Expired,
    Gone::Evicted,
    Gone::Restarted,
    Gone::Ended,
    Gone::Violated,
    Gone::Denied,
    Gone::Other,
];

const fn name_of(reason: Gone) -> &'static str {
    match reason {
        Gone::Unknown => "unknown",
        Gone::Expired => "expired",
        Gone::Evicted => "evicted",
        Gone::Restarted => "restarted",
        Gone::Ended => "ended",
        Gone::Violated => "violated",
        Gone::Denied => "denied",
        Gone::Other => "other",
    }
}

pub(super) fn read_hello(json: Object<'_>) -> Result<Hello, Wrong> {
    let resume = json.optional("resume", |json, name| {
        let resume = json.object(name)?;
        Ok(Resume {
            session: resume.text("session")?.to_owned(),
            token: resume.text("token")?.to_owned(),
            connection: resume.number("connection")?,
            processed: resume.number("processed")?,
        })
    })?;
    Ok(Hello { resume, limits: read_limits(json)? })
}

pub(super) fn read_welcome(json: Object<'_>) -> Result<Welcome, Wrong> {
    let previous = json.optional("previous", |json, name| {
        let previous = json.object(name)?;
        let reason = previous.text("reason")?;
        Ok(Previous {
            reason: REASONS.into_iter().find(|known| name_of(*known) == reason).unwrap_or(Gone::Other),
            processed: previous.optional("processed", Object::number)?,
        })
    })?;
    Ok(Welcome {
        session: json.text("session")?.to_owned(),
        token: json.text("token")?.to_owned(),
        resumed: json.bool("resumed")?,
        processed: json.number("processed")?,
        limits: read_limits(json)?,
        resume_within: json.number("resume_within")?,
        previous,
    })
}

pub(super) fn read_go_away(json: Object<'_>) -> Result<GoAway, Wrong> {
    Ok(GoAway { within: json.number("within")?, url: json.optional("url", owned_text)? })
}

pub(super) fn read_bye(json: Object<'_>) -> Result<Bye, Wrong> {
    Ok(Bye {
        processed: json.number_or("processed", 0)?,
        retry_after: json.optional("retry_after", Object::number)?,
        paced: json.bool_or("paced", false)?,
        reason: json.optional("reason", owned_text)?,
    })
}

fn read_limits(json: Object<'_>) -> Result<Limits, Wrong> {
    let default = Limits::default();
    if json.get("limits").is_none() {
        return Ok(default);
    }
    let limits = json.object("limits")?;
    Ok(Limits {
        messages: limits
            .number_or("messages", u64::from(default.messages))?
            .try_into()
            .map_err(|_| Wrong("messages"))?,
        bytes: limits.number_or("bytes", default.bytes)?,
        message_bytes: limits.number_or("message_bytes", default.message_bytes)?,
    })
}

fn owned_text(json: Object<'_>, name: &'static str) -> Result<String, Wrong> {
    json.text(name).map(str::to_owned)
}

pub(super) fn write_hello(hello: &Hello) -> String {
    let mut json = Writer::object();
    if let Some(resume) = &hello.resume {
        let mut inner = Writer::object();
        inner.text("session", &resume.session);
        inner.text("token", &resume.token);
        inner.number("connection", resume.connection);
        inner.number("processed", resume.processed);
        json.json("resume", &inner.end());
    }
    json.json("limits", &write_limits(&hello.limits));
    json.end()
}

pub(super) fn write_welcome(welcome: &Welcome) -> String {
    let mut json = Writer::object();
    json.text("session", &welcome.session);
    json.text("token", &welcome.token);
    json.bool("resumed", welcome.resumed);
    json.number("processed", welcome.processed);
    json.json("limits", &write_limits(&welcome.limits));
    json.number("resume_within", welcome.resume_within);
    if let Some(previous) = &welcome.previous {
        let mut inner = Writer::object();
        inner.text("reason", name_of(previous.reason));
        if let Some(processed) = previous.processed {
            inner.number("processed", processed);
        }
        json.json("previous", &inner.end());
    }
    json.end()
}

pub(super) fn write_go_away(go_away: &GoAway) -> String {
    let mut json = Writer::object();
    json.number("within", go_away.within);
    if let Some(url) = &go_away.url {
        json.text("url", url);
    }
    json.end()
}

pub(super) fn write_bye(bye: &Bye) -> String {
    let mut json = Writer::object();
    json.number("processed", bye.processed);
    if let Some(after) = bye.retry_after {
        json.number("retry_after", after);
    }
    if bye.paced {
        json.bool("paced", true);
    }
    if let Some(reason) = &bye.reason {
        json.text("reason", reason);
    }
    json.end()
}

fn write_limits(limits: &Limits) -> String {
    let mut json = Writer::object();
    json.number("messages", u64::from(limits.messages));
    json.number("bytes", limits.bytes);
    json.number("message_bytes", limits.message_bytes);
    json.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;

    fn hello(text: &str) -> Result<Hello, Wrong> {
        read_hello(Object::of(&read(text).unwrap()).unwrap())
    }

    fn welcome(more: &str) -> Result<Welcome, Wrong> {
        let text = format!(r#"{{"session":"s","token":"t","resumed":false,"processed":1,"resume_within":2{more}}}"#);
        read_welcome(Object::of(&read(&text).unwrap()).unwrap())
    }

    #[test]
    fn what_is_absent_has_its_default_and_null_is_absent_where_a_field_is_optional() {
        let none = Hello { resume: None, limits: Limits::default() };
        for text in ["{}", r#"{"resume":null}"#, r#"{"limits":{}}"#, r#"{"later":[1.5,{"x":null}]}"#] {
            assert_eq!(hello(text), Ok(none.clone()), "{text}");
        }
        assert_eq!(welcome("").map(|welcome| welcome.previous), Ok(None));
        let previous = welcome(r#","previous":{"reason":"of a later version","processed":null}"#).unwrap().previous;
        assert_eq!(previous, Some(Previous { reason: Gone::Other, processed: None }));
        let bye = read_bye(Object::of(&read("{}").unwrap()).unwrap());
        assert_eq!(bye, Ok(Bye::default()));
    }

    #[test]
    fn every_reason_is_read_as_it_was_written() {
        for reason in REASONS {
            let mut sent = welcome("").unwrap();
            sent.previous = Some(Previous { reason, processed: Some(3) });
            let text = write_welcome(&sent);
            assert!(read_welcome(Object::of(&read(&text).unwrap()).unwrap()) == Ok(sent), "{text}");
        }
    }

    #[test]
    fn what_has_another_type_or_is_too_large_is_refused() {
        for text in [
            r#"{"limits":null}"#,
            r#"{"limits":[1,2,3]}"#,
            r#"{"limits":{"messages":4294967296}}"#,
            r#"{"limits":{"bytes":18446744073709551616}}"#,
            r#"{"limits":{"bytes":-1}}"#,
            r#"{"limits":{"bytes":1.5}}"#,
            r#"{"resume":{"session":"s","token":"t","connection":1}}"#,
            r#"{"resume":"s"}"#,
        ] {
            assert!(hello(text).is_err(), "{text}");
        }
        for more in [r#","previous":{}"#, r#","previous":{"reason":1}"#, r#","limits":1"#] {
            assert!(welcome(more).is_err(), "{more}");
        }
    }
}
