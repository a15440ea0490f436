//! How a native thread tells the JVM that a wait goes on.
#![allow(
    unsafe_code,
    reason = "attaching a thread as a daemon, and a call by a method's id, which `jni` has no safe way for"
)]

use std::cell::Cell;
use std::ptr;
use std::sync::OnceLock;

use jni::errors::Error;
use jni::objects::{JClass, JStaticMethodID};
use jni::refs::Global;
use jni::signature::{Primitive, ReturnType};
use jni::sys::{JNI_OK, JNI_VERSION_1_4, JavaVMAttachArgs, jvalue};
use jni::vm::JavaVM;
use jni::{AttachConfig, Env, jni_sig, jni_str};

/// `Native.wake(long)`.
struct Method {
    class: Global<JClass<'static>>,
    id: JStaticMethodID,
}

static WAKE: OnceLock<Method> = OnceLock::new();

/// Finds out what is to be called. Later calls change nothing.
pub(crate) fn remember(env: &mut Env<'_>, class: &JClass<'_>) -> Result<(), Error> {
    if WAKE.get().is_some() {
        return Ok(());
    }
    let id = env.get_static_method_id(class, jni_str!("wake"), jni_sig!("(J)V"))?;
    let class = env.new_global_ref(class)?;
    // Another thread may have been as quick, with the same.
    let _ = WAKE.set(Method { class, id });
    Ok(())
}

/// Calls `Native.wake`, which only has a coroutine go on where it belongs: no code of the program's runs here.
pub(crate) fn wake(wait: i64) {
    let (Some(method), Ok(vm)) = (WAKE.get(), JavaVM::singleton()) else { return };
    stay_attached(&vm);
    let called = vm.attach_current_thread_with_config(AttachConfig::default, None, |env| -> Result<(), Error> {
        let arguments = [jvalue { j: wait }];
        // SAFETY: the method is static, of this class, and takes one long.
        unsafe {
            env.call_static_method_unchecked(
                &method.class,
                method.id,
                ReturnType::Primitive(Primitive::Void),
                &arguments,
            )?;
        }
        Ok(())
    });
    // `Native.wake` throws nothing; in a JVM that is ending nobody waits.
    drop(called);
}

/// Attaches the thread for as long as it lives, as a daemon: it never keeps a program alive.
fn stay_attached(vm: &JavaVM) {
    thread_local!(static ATTACHED: Attached = const { Attached(Cell::new(false)) });
    // While the thread ends, it is attached for each call.
    let _ = ATTACHED.try_with(|attached| {
        if attached.0.get() || vm.is_thread_attached().unwrap_or(true) {
            return;
        }
        let mut arguments =
            JavaVMAttachArgs { version: JNI_VERSION_1_4, name: NAME.as_ptr().cast_mut(), group: ptr::null_mut() };
        let (raw, mut env) = (vm.get_raw(), ptr::null_mut());
        // SAFETY: the VM is there as long as the process; `env` is a place for a pointer, and the arguments live during the call.
        let done =
            unsafe { ((**raw).v1_4.AttachCurrentThreadAsDaemon)(raw, &raw mut env, (&raw mut arguments).cast()) };
        attached.0.set(done == JNI_OK);
    });
}

const NAME: &std::ffi::CStr = c"everwire";

/// Whether this thread is attached by us.
struct Attached(Cell<bool>);

impl Drop for Attached {
    fn drop(&mut self) {
        if let (true, Ok(vm)) = (self.0.get(), JavaVM::singleton()) {
            let raw = vm.get_raw();
            // SAFETY: the thread is attached, by us, and no frame of the JVM's is on its stack when it ends.
            unsafe { ((**raw).v1_2.DetachCurrentThread)(raw) };
        }
    }
}
