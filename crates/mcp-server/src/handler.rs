//! Functions as handlers.

use std::marker::PhantomData;

use crate::Context;

/// A function that handles a tool or prompt: `async fn(A) -> T` or `async fn(A, Context) -> T`, or such a closure.
///
/// The arguments are decoded into `A`, which is `()` if there are none. `M` distinguishes the two forms;
/// it is always inferred.
/// Dropping the future cancels the work. If it panics, the request receives an internal error, and other requests are
/// not affected.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not an async function of the arguments, or of the arguments and a `Context`",
    note = "write `|args: Args| async move {{ … }}` or `|args: Args, cx: Context| async move {{ … }}`; for no arguments, `|(): ()| async {{ … }}`",
    note = "its future must be `Send`: it must not hold an `Rc` or the guard of a lock across an `.await`"
)]
pub trait Handler<A, M>: Send + Sync + 'static {
    /// The output of the function's future.
    type Output;
    /// The function's future.
    type Future: Future<Output = Self::Output> + Send + 'static;

    /// Calls the function; `context` returns its second argument, if it has one.
    fn call(&self, arguments: A, context: &mut dyn FnMut() -> Context) -> Self::Future;
}

/// Marker of a [`Handler`] that takes only arguments.
#[derive(Debug)]
pub struct Plain(PhantomData<()>);

/// Marker of a [`Handler`] that takes arguments and a [`Context`].
#[derive(Debug)]
pub struct WithContext(PhantomData<()>);

impl<F, A, Fut> Handler<A, Plain> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn call(&self, arguments: A, _: &mut dyn FnMut() -> Context) -> Fut {
        self(arguments)
    }
}

impl<F, A, Fut> Handler<A, WithContext> for F
where
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn call(&self, arguments: A, context: &mut dyn FnMut() -> Context) -> Fut {
        self(arguments, context())
    }
}
