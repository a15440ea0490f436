//! Bounds that are [`Send`] and [`Sync`] natively, and nothing in a page, where everything runs on one thread.

/// Requires [`Send`] natively, and nothing in a page (`wasm32-unknown-unknown`), whose values are bound to its one thread.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send> MaybeSend for T {}

/// Requires [`Send`] natively, and nothing in a page (`wasm32-unknown-unknown`), whose values are bound to its one thread.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSend for T {}

/// Requires [`Sync`] natively, and nothing in a page (`wasm32-unknown-unknown`), whose values are bound to its one thread.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Sync> MaybeSync for T {}

/// Requires [`Sync`] natively, and nothing in a page (`wasm32-unknown-unknown`), whose values are bound to its one thread.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSync {}
#[cfg(target_arch = "wasm32")]
impl<T> MaybeSync for T {}
