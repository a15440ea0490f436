//! The native library of Everwire for the JVM: `everwire-bind` over JNI, as few calls as there can be, each with bytes.
//!
//! Only `everwire.internal` of the Kotlin part calls it. What both agree on stands in `codec`, and in `Codec.kt` there.
//!
//! - the functions of `everwire.internal.Native`, below
//! - `calls`: what is done at once, by its number
//! - `waits`: what is waited for, by its number
//! - `jvm`: how a native thread tells the JVM that a wait goes on
//! - `codec`: settings, messages, states and the like as bytes
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod calls;
mod codec;
mod jvm;
mod table;
mod waits;

use std::sync::Arc;

use everwire_bind::{Client, Error, Payload};
use jni::errors::ThrowRuntimeExAndDefault;
use jni::objects::{JByteArray, JClass};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, EnvUnowned, jni_mangle};

use crate::codec::{Reader, failure, success};
use crate::table::Table;

/// The clients by their handles. A handle that is not there any more does nothing.
static CLIENTS: Table<Client> = Table::new();

type Done<T> = Result<T, jni::errors::Error>;

/// Starts a client with these settings: its handle, or the error, as bytes.
#[jni_mangle("everwire.internal.Native", "start")]
pub fn start<'local>(
    mut env: EnvUnowned<'local>,
    class: JClass<'local>,
    settings: JByteArray<'local>,
) -> JByteArray<'local> {
    let start = |env: &mut Env<'local>| -> Done<JByteArray<'local>> {
        jvm::remember(env, &class)?;
        let bytes = env.convert_byte_array(&settings)?;
        let started = codec::settings(&mut Reader::new(&bytes)).and_then(Client::start);
        let answer = match started {
            Ok(client) => success(|out| out.number(CLIENTS.insert(Arc::new(client)))),
            Err(error) => failure(&error),
        };
        env.byte_array_from_slice(&answer)
    };
    env.with_env(start).resolve::<ThrowRuntimeExAndDefault>()
}

/// Lets go of a client; one that was not closed ends at once.
#[jni_mangle("everwire.internal.Native", "free")]
pub fn free<'local>(mut env: EnvUnowned<'local>, _: JClass<'local>, client: jlong) {
    let free = |_: &mut Env<'local>| -> Done<()> {
        drop(CLIENTS.remove(client));
        Ok(())
    };
    env.with_env(free).resolve::<ThrowRuntimeExAndDefault>();
}

/// Puts a message without options into the outbox: its number, or -1 if it was not taken. [`calls`] says why.
#[jni_mangle("everwire.internal.Native", "send")]
pub fn send<'local>(
    mut env: EnvUnowned<'local>,
    _: JClass<'local>,
    client: jlong,
    payload: JByteArray<'local>,
    is_text: jboolean,
) -> jlong {
    let send = |env: &mut Env<'local>| -> Done<jlong> {
        let Some(client) = CLIENTS.get(client) else { return Ok(-1) };
        let bytes = env.convert_byte_array(&payload)?;
        let payload = match is_text {
            // Java writes well-formed UTF-8.
            true => Payload::Text(codec::text(bytes)),
            false => Payload::Binary(bytes),
        };
        let sent: Result<u64, Error> = client.send(payload, everwire_bind::SendOptions::default());
        Ok(sent.ok().and_then(|id| jlong::try_from(id).ok()).unwrap_or(-1))
    };
    env.with_env(send).resolve::<ThrowRuntimeExAndDefault>()
}

/// Whether there is a connection now.
#[jni_mangle("everwire.internal.Native", "isConnected")]
pub fn is_connected<'local>(mut env: EnvUnowned<'local>, _: JClass<'local>, client: jlong) -> jboolean {
    let look =
        |_: &mut Env<'local>| -> Done<bool> { Ok(CLIENTS.get(client).is_some_and(|client| client.is_connected())) };
    env.with_env(look).resolve::<ThrowRuntimeExAndDefault>()
}

/// Does what has this number at once.
#[jni_mangle("everwire.internal.Native", "call")]
pub fn call<'local>(
    mut env: EnvUnowned<'local>,
    _: JClass<'local>,
    client: jlong,
    what: jint,
    given: JByteArray<'local>,
) -> JByteArray<'local> {
    let call = |env: &mut Env<'local>| -> Done<JByteArray<'local>> {
        let bytes = env.convert_byte_array(&given)?;
        let answer = match CLIENTS.get(client) {
            Some(client) => calls::call(&client, what, &mut Reader::new(&bytes)),
            None => failure(&closed()),
        };
        env.byte_array_from_slice(&answer)
    };
    env.with_env(call).resolve::<ThrowRuntimeExAndDefault>()
}

/// Begins to wait for what has this number: the wait's handle.
#[jni_mangle("everwire.internal.Native", "begin")]
pub fn begin<'local>(
    mut env: EnvUnowned<'local>,
    _: JClass<'local>,
    client: jlong,
    what: jint,
    given: JByteArray<'local>,
) -> jlong {
    let begin = |env: &mut Env<'local>| -> Done<jlong> {
        let bytes = env.convert_byte_array(&given)?;
        Ok(waits::begin(CLIENTS.get(client), what, &mut Reader::new(&bytes)))
    };
    env.with_env(begin).resolve::<ThrowRuntimeExAndDefault>()
}

/// What has come of a wait, which is over then; `null`: nothing yet, and `Native.wake` will be called with its handle.
#[jni_mangle("everwire.internal.Native", "poll")]
pub fn poll<'local>(mut env: EnvUnowned<'local>, _: JClass<'local>, wait: jlong) -> JByteArray<'local> {
    let poll = |env: &mut Env<'local>| -> Done<JByteArray<'local>> {
        match waits::poll(wait) {
            Some(answer) => env.byte_array_from_slice(&answer),
            None => Ok(JByteArray::null()),
        }
    };
    env.with_env(poll).resolve::<ThrowRuntimeExAndDefault>()
}

/// Gives up a wait.
#[jni_mangle("everwire.internal.Native", "cancel")]
pub fn cancel<'local>(mut env: EnvUnowned<'local>, _: JClass<'local>, wait: jlong) {
    let cancel = |_: &mut Env<'local>| -> Done<()> {
        waits::cancel(wait);
        Ok(())
    };
    env.with_env(cancel).resolve::<ThrowRuntimeExAndDefault>();
}

fn closed() -> Error {
    Error::Closed { reason: "it was released".to_owned() }
}
