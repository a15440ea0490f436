//! What is done at once.

use everwire_bind::{Client, Error, Hint};

use crate::codec::{Reader, Writer, failure, success};

/// Does what has this number, with what is given to it, and says what came of it. `Native.kt` has the same numbers.
pub(crate) fn call(client: &Client, what: i32, given: &mut Reader<'_>) -> Vec<u8> {
    match what {
        0 => nothing(|| client.connect()),
        1 => nothing(|| client.disconnect()),
        2 => nothing(|| client.reconnect_now()),
        3 => nothing(|| client.migrate()),
        4 => match Hint::from_name(&given.text()) {
            Some(hint) => nothing(|| client.hint(hint)),
            None => failure(&Error::System { problem: "there is no such hint".to_owned() }),
        },
        5 => result(client.send(given.payload(), given.options()), |id, out| out.number(id as i64)),
        6 => success(|out| out.sent(&client.send_many(given.payloads()))),
        7 => result(client.send_volatile(given.payload()), |id, out| out.number(id as i64)),
        8 => result(client.cancel(given.number() as u64), |outcome, out| out.outcome(&outcome)),
        9 => success(|out| out.recovered(&client.recovered())),
        10 => success(|out| out.stats(&client.stats())),
        11 => nothing(|| client.close(given.number() as u64)),
        12 => result(client.answer_attempt(given.number() as u64, given.attempt_answer()), |(), _| {}),
        13 => result(client.opening_done(given.number() as u64), |(), _| {}),
        14 => result(client.refuse_step(given.number() as u64, given.text(), given.flag()), |(), _| {}),
        15 => {
            let code = u16::try_from(given.number()).unwrap_or(1000);
            let reason = given.text();
            nothing(|| client.set_close_frame(code, &reason))
        }
        _ => failure(&Error::System { problem: format!("there is no call {what}") }),
    }
}

fn nothing(act: impl FnOnce()) -> Vec<u8> {
    act();
    success(|_| {})
}

pub(crate) fn result<T>(result: Result<T, Error>, write: impl FnOnce(T, &mut Writer)) -> Vec<u8> {
    match result {
        Ok(value) => success(|out| write(value, out)),
        Err(error) => failure(&error),
    }
}
